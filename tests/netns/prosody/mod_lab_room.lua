-- Refuses to let anybody but the focus in, in the words of the lobby (mod_muc_lobby_rooms), of a locked room, or of a
-- token for another room (mod_token_verification); that one has to be the URL's room too, as the client names it there.
local st = require "util.stanza";
local jid = require "util.jid";

local kind = module:get_option_string("lab_room");
local focus = module:get_option_string("lab_focus");
local named = module:get_option_string("lab_named");

module:hook("muc-occupant-pre-join", function (event)
	if jid.bare(event.stanza.attr.from) == focus then return; end
	local reply;
	if kind == "of-token" then
		local name = jid.node(event.room.jid);
		if name == named and event.origin.lab_room == name then return; end
		reply = st.error_reply(event.stanza, "cancel", "not-allowed", "Room and token mismatched", event.room.jid);
	elseif kind == "lobby" then
		reply = st.error_reply(event.stanza, "auth", "registration-required", nil, event.room.jid);
		reply:tag("lobbyroom", { xmlns = "http://jitsi.org/jitmeet" }):text("room@lobby." .. module.host):up();
	else
		reply = st.error_reply(event.stanza, "auth", "not-authorized", nil, event.room.jid);
	end
	event.origin.send(reply:tag("x", { xmlns = "http://jabber.org/protocol/muc" }));
	return true;
end, 20);
