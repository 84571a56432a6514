// What a PAC file may call, as browsers on the desktop have it, and how it is asked. Evaluated in a fresh engine before
// the file itself; gives `install`, which gives `step`. The file may redefine or tamper with everything that is global,
// so what runs after it uses operators and its own closures alone. Whoever reads what `step` says checks it all the same.
(function install(given) {
  const { known, full, own, now } = JSON.parse(given);
  const answers = Object.assign(Object.create(null), known);
  const asked = Object.create(null);
  let asking = 0;

  // --- names: a known one is answered, an unknown one noted, and the run is over (the file is run again with its answer)

  const ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:%";
  const plain = Object.create(null);
  for (const letter of ALLOWED) plain[letter] = true;

  function isName(text) {
    if (text.length === 0 || text.length > 253) return false;
    for (let at = 0; at < text.length; at++) if (plain[text[at]] !== true) return false;
    return true;
  }

  function lookup(kind, name) {
    if (typeof name !== "string" || !isName(name)) return null; // null: of a name that was not found before
    const key = kind + " " + name;
    if (key in answers) return answers[key];
    if (full) return null;
    if (asking < 16) asked[asking++] = key;
    throw "a name is looked up first";
  }

  // --- addresses

  const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

  function bytesOf(text) {
    const found = V4.exec(text);
    if (found === null) return null;
    const bytes = [+found[1], +found[2], +found[3], +found[4]];
    return bytes.every((each) => each < 256) ? bytes : null;
  }

  // An address of either family as a list of bits; null: it is none.
  function bitsOf(text) {
    const bytes = bytesOf(text) || (text.includes(":") ? wideBytes(text) : null);
    return bytes && bytes.map((each) => each.toString(2).padStart(8, "0")).join("");
  }

  function wideBytes(text) {
    const halves = text.split("%")[0].split("::");
    if (halves.length > 2) return null;
    const [left, right] = [groups(halves[0]), groups(halves.length === 2 ? halves[1] : "")];
    const missing = 16 - (left ? left.length : 0) - (right ? right.length : 0);
    if (left === null || right === null || missing < 0 || (missing > 0) !== (halves.length === 2)) return null;
    return [...left, ...Array(missing).fill(0), ...right];
  }

  function groups(text) {
    const bytes = [];
    for (const [at, group] of (text === "" ? [] : text.split(":")).entries()) {
      const last = at === text.split(":").length - 1 ? bytesOf(group) : null;
      if (last) bytes.push(...last);
      else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 255);
      else return null;
    }
    return bytes;
  }

  // --- dates: the parts that were named are compared, the greatest first

  const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

  function moment(gmt) {
    const date = new Date(now);
    return gmt
      ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCDay(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
      : [date.getFullYear(), date.getMonth(), date.getDate(), date.getDay(), date.getHours(), date.getMinutes(), date.getSeconds()];
  }

  // The arguments without a last "GMT", and the time that this leaves to compare with.
  function timed(args) {
    const gmt = args.length > 0 && args[args.length - 1] === "GMT";
    return [gmt ? args.slice(0, -1) : args, moment(gmt)];
  }

  function compare(one, other) {
    const at = one.findIndex((each, place) => each !== other[place]);
    return at < 0 ? 0 : one[at] - other[at];
  }

  // Bounds are part of it; where the first comes after the second it goes over the end (Friday to Monday).
  function within(first, value, last) {
    const after = compare(first, value) <= 0;
    const before = compare(value, last) <= 0;
    return compare(first, last) <= 0 ? after && before : after || before;
  }

  const LEVELS = { year: 0, month: 1, day: 2 };

  function levelOf(part) {
    if (typeof part === "string" && MONTHS.includes(part.toUpperCase())) return LEVELS.month;
    const number = Number(part);
    return !Number.isInteger(number) || number < 1 ? -1 : number > 31 ? LEVELS.year : LEVELS.day;
  }

  function valueOf(part) {
    return levelOf(part) === LEVELS.month ? MONTHS.indexOf(part.toUpperCase()) : Number(part);
  }

  function byLevel(parts) {
    return parts.map((each) => [levelOf(each), valueOf(each)]).sort((one, other) => one[0] - other[0]);
  }

  // Whether both name the same parts of a date, each once.
  function alike(one, other) {
    return one.every(([level], at) => level === other[at][0] && (at === 0 || one[at - 1][0] !== level));
  }

  // --- what PAC files call

  const offered = {
    isPlainHostName: (host) => !/[.:]/.test(host),

    dnsDomainIs: (host, domain) => ("" + host).endsWith("" + domain),

    localHostOrDomainIs: (host, full) => host === full || ("" + full).startsWith(host + "."),

    dnsDomainLevels: (host) => ("" + host).split(".").length - 1,

    isResolvable: (host) => offered.dnsResolve(host) !== null,

    dnsResolve: (host) => (bytesOf("" + host) ? host : lookup("4", host)),

    myIpAddress: () => (own.length > 0 ? own[0] : "127.0.0.1"),

    // A signed word, as in browsers: their files compare it with their own results only.
    convert_addr: (address) => {
      const bytes = bytesOf("" + address) || [0, 0, 0, 0];
      return (bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
    },

    isInNet: (host, pattern, mask) => {
      if (V4.test("" + host) && !bytesOf("" + host)) return false;
      const address = bytesOf("" + host) ? host : lookup("4", host);
      if (address === null || !bytesOf("" + pattern) || !bytesOf("" + mask)) return false;
      const bits = offered.convert_addr(mask);
      return (offered.convert_addr(address) & bits) === (offered.convert_addr(pattern) & bits);
    },

    // Browsers escape the dot and leave every other sign to the regular expression: files use (one|other) and [abc].
    shExpMatch: (text, pattern) => {
      const signs = { ".": "\\.", "*": ".*", "?": "." };
      const expression = ("" + pattern).replace(/[.*?]/g, (each) => signs[each]);
      return new RegExp("^" + expression + "$").test(text);
    },

    weekdayRange: (...args) => {
      const [days, at] = timed(args);
      const [first, last] = [DAYS.indexOf(days[0]), DAYS.indexOf(days.length > 1 ? days[1] : days[0])];
      return first >= 0 && last >= 0 && within([first], [at[3]], [last]);
    },

    dateRange: (...args) => {
      const [parts, at] = timed(args);
      if (parts.length === 0 || parts.length > 6 || parts.some((each) => levelOf(each) < 0)) return false;
      const half = parts.length / 2;
      const [first, last] = [byLevel(parts.slice(0, half)), byLevel(parts.slice(half))];
      const here = (some) => some.map(([level]) => at[level]);
      const values = (some) => some.map(([, value]) => value);
      if (Number.isInteger(half) && alike(first, last)) return within(values(first), here(first), values(last));
      const whole = byLevel(parts); // such as one day, or a day of a month
      return parts.length <= 3 && alike(whole, whole) && compare(values(whole), here(whole)) === 0;
    },

    timeRange: (...args) => {
      const [parts, at] = timed(args);
      const numbers = parts.map(Number);
      if (![1, 2, 4, 6].includes(numbers.length) || numbers.some((each) => !Number.isInteger(each))) return false;
      const half = Math.ceil(numbers.length / 2);
      return within(numbers.slice(0, half), at.slice(4, 4 + half), numbers.slice(-half));
    },

    alert: () => undefined,

    // --- Microsoft's, for IPv6

    isResolvableEx: (host) => offered.dnsResolveEx(host) !== "",

    dnsResolveEx: (host) => (bitsOf("" + host) ? host : lookup("*", host) || ""),

    myIpAddressEx: () => own.join(";"),

    isInNetEx: (address, prefix) => {
      const [network, length] = ("" + prefix).split("/");
      const [bits, wanted] = [bitsOf("" + address), bitsOf(network)];
      if (!bits || !wanted || bits.length !== wanted.length || !/^\d{1,3}$/.test(length)) return false;
      return +length <= bits.length && bits.slice(0, +length) === wanted.slice(0, +length);
    },

    // IPv6 before IPv4, and by their bits within each; false where something else stands between them.
    sortIpAddressList: (list) => {
      const found = ("" + list).split(";").map((each) => [bitsOf(each.trim()), each.trim()]);
      if (found.some(([bits]) => !bits)) return false;
      const order = ([one], [other]) => other.length - one.length || (one < other ? -1 : one > other ? 1 : 0);
      return found.sort(order).map(([, address]) => address).join(";");
    },
  };
  Object.assign(globalThis, offered);

  // --- how the file is asked. Its answer is measured here: what goes out is short, whatever it is

  const root = globalThis;
  const flat = JSON.stringify; // long sums of strings are ropes, which the engine's Python side cannot read (0.17)

  function ask(url, host) {
    const find = root.FindProxyForURL;
    if (typeof find !== "function") {
      const other = typeof root.FindProxyForURLEx === "function";
      return other ? "?only FindProxyForURLEx, which browsers don't call" : "?no function FindProxyForURL";
    }
    const said = find(url, host);
    if (typeof said !== "string") return "!FindProxyForURL did not return a string";
    if (said.length > 4096) return "!FindProxyForURL returned more than 4096 characters";
    for (let at = 0; at < said.length; at++) {
      if (said[at] > "~" || said[at] < "\t") return "!FindProxyForURL returned what is no ASCII text";
    }
    return "=" + said;
  }

  return function step(what, url, host) {
    if (what !== "asked") return flat(ask(url, host));
    let names = "";
    for (let at = 0; at < asking; at++) names += (at ? "\n" : "") + asked[at];
    return flat(names);
  };
})
