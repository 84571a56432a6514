-- Hands out the services of mod_external_services by another way than by being asked: in a message behind the binding
-- (mod_jiconop), or in the room's metadata (mod_room_metadata_component), which that message then announces.
local st = require "util.stanza";
local json = require "util.json";

local way = module:get_option_string("lab_services");
local main = module:get_option_string("lab_main", module.host);

if module:get_host_type() == "component" then
	module:hook("muc-occupant-joined", function (event)
		local listed = {};
		for _, each in ipairs(prosody.hosts[main].modules.external_services.get_services()) do
			table.insert(listed, {
				type = each.type, host = each.host, port = each.port, transport = each.transport,
				username = each.username, password = each.password,
			});
		end
		local text = json.encode({ type = "room_metadata", metadata = { services = listed } });
		module:send(st.message({ from = "metadata." .. main, to = event.occupant.jid })
			:tag("json-message", { xmlns = "http://jitsi.org/jitmeet" }):text(text));
	end);
	return;
end

local external = module:depends("external_services");

local function refused(event)
	event.origin.send(st.error_reply(event.stanza, "cancel", "service-unavailable"));
	return true;
end
module:hook("iq-get/host/urn:xmpp:extdisco:2:services", refused, 10);
module:hook("iq-get/host/urn:xmpp:extdisco:1:services", refused, 10);

module:hook("resource-bind", function (event)
	local session = event.session;
	local message = st.message({ from = module.host, to = session.full_jid })
		:tag("query", { xmlns = "http://jabber.org/protocol/disco#info" });
	if way == "metadata" then
		message:tag("identity", { category = "component", type = "room_metadata", name = "metadata." .. main }):up();
	end
	message:up();
	if way == "pushed" then
		message:add_child(external.services_xml(external.get_services()));
	end
	session.send(message);
end);
