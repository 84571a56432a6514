-- Says how many clients' sessions there are, over WebSocket and BOSH, signed in or not, whenever that has changed.
module:set_global();

local sessions, told = {}, nil;

local function begun(event)
	sessions[event.session] = true;
end

module:hook("websocket-session", begun);
module:hook("bosh-session", begun);

module:add_timer(0.05, function ()
	local found = 0;
	for session in pairs(sessions) do
		if session.destroyed then
			sessions[session] = nil;
		else
			found = found + 1;
		end
	end
	if found ~= told then
		module:log("info", "sessions: %d", found);
		told = found;
	end
	return 0.05;
end);
