/* eslint-disable no-unused-vars, no-var */
var subdomain = '';
var config = {
    hosts: {
        domain: 'meet.example.test',
        muc: 'conference.' + subdomain + 'meet.example.test',
    },
    bosh: 'https://meet.example.test/' + subdomain + 'http-bind',
    websocket: 'wss://meet.example.test/xmpp-websocket',
    p2p: {
        enabled: true,
        stunServers: [
            { urls: 'stun:meet-jit-si-turnrelay.jitsi.net:443' },
        ],
    },
};
