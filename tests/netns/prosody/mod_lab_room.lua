-- Refuses to let anybody but the focus in, in the words of the lobby (mod_muc_lobby_rooms) or of a locked room.
local st = require "util.stanza";
local jid = require "util.jid";

local kind = module:get_option_string("lab_room");
local focus = module:get_option_string("lab_focus");

module:hook("muc-occupant-pre-join", function (event)
	if jid.bare(event.stanza.attr.from) == focus then return; end
	local reply;
	if kind == "lobby" then
		reply = st.error_reply(event.stanza, "auth", "registration-required", nil, event.room.jid);
		reply:tag("lobbyroom", { xmlns = "http://jitsi.org/jitmeet" }):text("room@lobby." .. module.host):up();
	else
		reply = st.error_reply(event.stanza, "auth", "not-authorized", nil, event.room.jid);
	end
	event.origin.send(reply:tag("x", { xmlns = "http://jabber.org/protocol/muc" }));
	return true;
end, 20);
