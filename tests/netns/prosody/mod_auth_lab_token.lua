-- Lets in who brings the right token in the URL's query, as Jitsi's mod_auth_token does; its words of refusal.
local formdecode = require "util.http".formdecode;
local new_sasl = require "util.sasl".new;
local sasl = require "util.sasl";
local uuid = require "util.uuid".generate;

local right = module:get_option_string("lab_token");

local function opened(event)
	local query = event.request.url and event.request.url.query;
	local found = query and formdecode(query);
	event.session.lab_token = type(found) == "table" and found.token or nil;
	event.session.lab_room = type(found) == "table" and found.room or nil;
end
module:hook_global("websocket-session", opened);
module:hook_global("bosh-session", opened);

local provider = {};
function provider.test_password() return nil, "Password based auth not supported"; end
function provider.get_password() return nil; end
function provider.set_password() return nil, "Set password not supported"; end
function provider.user_exists() return nil; end
function provider.create_user() return nil; end
function provider.delete_user() return nil; end
function provider.get_sasl_handler(session)
	local function admitted()
		if not session.lab_token then return false, "not-allowed", "token required"; end
		if session.lab_token ~= right then return false, "not-allowed", "Invalid signature"; end
		return true;
	end
	return new_sasl(module.host, { lab_token = admitted });
end
module:provides("auth", provider);

sasl.registerMechanism("ANONYMOUS", { "lab_token" }, function (self)
	local admitted, condition, text = self.profile.lab_token();
	if not admitted then return "failure", condition, text; end
	self.username = uuid();
	return "success";
end);
