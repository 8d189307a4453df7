// A service over the sub-protocol json that nobody here wrote: Node's `ws`. Says its port, ends with
// its input.
//
//   /rpc     answers /math/divide with what it was given, and /math/large with 300,000 characters
//   /closed  goes away with 1011 instead of an answer
const WebSocket = require('ws');

const [CALL, REPLY, JSON_CODEC] = [1, 2, 106];

function answer(call) {
  const reply = { seq: call.seq, mtype: REPLY, serviceMethod: call.serviceMethod, meta: '',
    bodyCodec: JSON_CODEC, xferPipe: [] };
  const argument = call.body === '' ? {} : JSON.parse(call.body);
  if (call.serviceMethod === '/math/divide') {
    return { ...reply, body: JSON.stringify({ quotient: argument.a / argument.b }) };
  }
  if (call.serviceMethod === '/math/large') {
    return { ...reply, body: JSON.stringify('x'.repeat(300000)) };
  }
  return { ...reply, body: '', status: 'code=404&msg=nobody%20serves%20it' };
}

const server = new WebSocket.Server({ host: '127.0.0.1', port: 0,
  handleProtocols: (offered) => [...offered].includes('json') && 'json' });
server.on('connection', (socket, request) => {
  socket.on('message', (data) => {
    const call = JSON.parse(data.toString());
    if (call.mtype !== CALL) return;
    if (request.url === '/closed') socket.close(1011, 'broken');
    else socket.send(JSON.stringify(answer(call)));
  });
});
server.on('listening', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
