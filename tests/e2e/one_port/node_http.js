// Node's own HTTP client, and requests that it does not make by itself over its sockets.
//
//   node node_http.js HOST PORT CASE      ends with 0 when every answer was right
const assert = require('assert');
const http = require('http');
const net = require('net');

const [host, port] = [process.argv[2], Number(process.argv[3])];
const DIVIDE = '{"a":10,"b":4}';
const JSON_TYPE = { 'Content-Type': 'application/json' };

// Sends a request, its body by `send`; gives status, body and whether its socket was used before.
function ask(options, send) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method: 'POST', path: '/math/divide', ...options });
    request.on('error', reject);
    request.on('response', (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => { body += piece; });
      answer.on('end', () => resolve(
          { status: answer.statusCode, body, reused: request.reusedSocket }));
    });
    send(request);
  });
}

function assertDivided(answer) {
  assert.strictEqual(answer.status, 200);
  assert.deepStrictEqual(JSON.parse(answer.body), { quotient: 2.5 });
}

async function keepsOneConnection() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 5; ++i) {
    const answer = await ask({ agent, headers: JSON_TYPE }, (request) => request.end(DIVIDE));
    assertDivided(answer);
    assert.strictEqual(answer.reused, i > 0);
  }
  agent.destroy();
}

async function sendsAChunkedBody() {
  const answer = await ask({ headers: JSON_TYPE }, (request) => {
    for (const piece of ['{"a"', ':10,', '"b":4}']) request.write(piece);
    request.end();
    assert.strictEqual(request.getHeader('Transfer-Encoding'), undefined);
    assert.ok(request.useChunkedEncodingByDefault && request.chunkedEncoding);
  });
  assertDivided(answer);
}

async function waitsFor100() {
  let continued = 0;
  const headers = { ...JSON_TYPE, Expect: '100-continue', 'Content-Length': DIVIDE.length };
  const answer = await ask({ headers }, (request) => {
    request.on('continue', () => { ++continued; request.end(DIVIDE); });
    request.flushHeaders();
  });
  assertDivided(answer);
  assert.strictEqual(continued, 1);
}

// Three requests in one piece: the answers come in their order, the last one closes.
async function pipelines() {
  const post = `POST /math/divide HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${DIVIDE.length}\r\n\r\n${DIVIDE}`;
  const missing = 'GET /math/nothing HTTP/1.1\r\nHost: x\r\n\r\n';
  const last = 'HEAD /math/who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const text = await new Promise((resolve, reject) => {
    let got = '';
    const socket = net.connect(port, host, () => socket.write(post + missing + last));
    socket.setEncoding('utf8');
    socket.on('data', (piece) => { got += piece; });
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });
  assert.deepStrictEqual(text.match(/HTTP\/1\.1 \d+/g),
      ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  assert.match(text, /\{"quotient":2\.5\}HTTP\/1\.1 404/);
  assert.match(text, /\r\n\r\n$/);  // HEAD: nothing behind its head
}

const CASES = { keepsOneConnection, sendsAChunkedBody, waitsFor100, pipelines };

CASES[process.argv[4]]().catch((error) => {
  console.error(error);
  process.exit(1);
});
