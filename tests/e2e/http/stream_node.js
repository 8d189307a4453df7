// Node's http as the server of our streaming client.
//
//   node stream_node.js        prints its port; ends when its input does
//
// /echo gives the body back as it comes, and the trailers behind it; /refuse answers who asks
// before sending with 401, and everybody else with 404.
const http = require('http');

function answer(request, response) {
  if (request.url !== '/echo') {
    response.writeHead(404);
    response.end();
    return;
  }
  response.writeHead(200, { Trailer: 'X-Sum' });
  request.on('data', (data) => {
    if (response.write(data)) return;
    request.pause();
    response.once('drain', () => request.resume());
  });
  request.on('end', () => {
    response.addTrailers(request.trailers);
    response.end();
  });
}

const server = http.createServer(answer);
server.on('checkContinue', (request, response) => {
  if (request.url === '/refuse') {
    response.writeHead(401);
    response.end('no');
    return;
  }
  response.writeContinue();
  answer(request, response);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
