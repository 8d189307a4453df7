// Node's `ws` calls a service over the sub-protocol json; permessage-deflate is offered.
//
//   node node_ws.js URL [CERTIFICATE]      ends with 0 when every reply was right
const assert = require('assert');
const fs = require('fs');
const WebSocket = require('ws');

const [CALL, REPLY, JSON_CODEC] = [1, 2, 106];
const ca = process.argv[3] && fs.readFileSync(process.argv[3]);

function message(seq, method, argument) {
  return JSON.stringify({ seq, mtype: CALL, serviceMethod: method, meta: '',
    bodyCodec: JSON_CODEC, body: JSON.stringify(argument), xferPipe: [] });
}

const socket = new WebSocket(process.argv[2], 'json', { ca });
const replies = new Map();

socket.on('open', () => {
  assert.strictEqual(socket.protocol, 'json');
  assert.ok(socket.extensions.includes('permessage-deflate'));
  socket.send(message(1, '/math/divide', { a: 10, b: 4 }));                       // as text
  socket.send(Buffer.from(message(2, '/math/divide', { a: 10, b: 0 })));          // as bytes
  socket.send(message(3, '/math/nothing', {}));
});
socket.on('message', (data) => {
  const reply = JSON.parse(data.toString());
  assert.strictEqual(reply.mtype, REPLY);
  replies.set(reply.seq, reply);
  if (replies.size < 3) return;
  assert.deepStrictEqual(JSON.parse(replies.get(1).body), { quotient: 2.5 });
  assert.strictEqual(replies.get(1).status, undefined);
  assert.match(replies.get(2).status, /^code=1001&msg=divisor%20out%20of%20range/);
  assert.match(replies.get(3).status, /^code=404&/);
  socket.close(1000);
});
socket.on('close', (code) => {
  assert.strictEqual(code, 1000);
  assert.strictEqual(replies.size, 3);
});
