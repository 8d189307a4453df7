// Node's `ws` as the client of our echo server, or as an echo server for our client.
//
//   node websocket_node.js client URL     ends with 0 when every message came back
//   node websocket_node.js server         prints its port; ends when its input does
const WebSocket = require('ws');
const assert = require('assert');

function client(url) {
  const messages = ['hello', '', 'kósmos', Buffer.from([0, 255]), 't'.repeat(70000),
    Buffer.alloc(900000, 254)];
  const socket = new WebSocket(url);  // offers permessage-deflate
  let next = 0;
  let ponged = false;
  socket.on('open', () => { socket.ping('p'); socket.send(messages[0]); });
  socket.on('pong', (data) => { ponged = data.toString() === 'p'; });
  socket.on('message', (data, binary) => {
    const sent = messages[next++];
    assert.strictEqual(binary, Buffer.isBuffer(sent));
    assert.ok(data.equals(Buffer.from(sent)), `message ${next}`);
    if (next === messages.length) socket.close(4000, 'done');
    else socket.send(messages[next]);
  });
  socket.on('close', (code) => {
    assert.strictEqual(code, 4000);
    assert.ok(ponged);
    assert.strictEqual(next, messages.length);
  });
}

function server() {
  const listener = new WebSocket.Server({ host: '127.0.0.1', port: 0, perMessageDeflate: true });
  listener.on('listening', () => console.log(listener.address().port));
  listener.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (process.argv[2] === 'client') client(process.argv[3]);
else server();
