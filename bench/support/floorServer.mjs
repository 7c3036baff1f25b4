/**
 * The floor of a warm call: a message in, through a pipe to a Python process that echoes it, and back. Over a
 * WebSocket, or as a POST request whose body is one line. Nothing is parsed, checked, logged or stored. Prints its
 * port; ends with its stdin.
 * Usage: node floorServer.mjs PYTHON
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

const ECHO = `
import os
while True:
    data = os.read(0, 65536)
    if not data:
        break
    os.write(1, data)
`;

const startPython = () =>
  spawn(process.argv[2] ?? 'python3', ['-c', ECHO], { stdio: ['pipe', 'pipe', 'inherit'] });

const python = startPython();
const behindHttp = startPython();
/** Answers come in the order of the requests. @type {import('node:http').ServerResponse[]} */
const waiting = [];
createInterface({ input: behindHttp.stdout }).on('line', (line) => {
  waiting
    .shift()
    ?.writeHead(200, { 'content-length': Buffer.byteLength(line) })
    .end(line);
});
const http = createServer({ noDelay: true }, (request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
  request.on('end', () => {
    waiting.push(response);
    behindHttp.stdin.write(`${Buffer.concat(chunks).toString()}\n`);
  });
});
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
server.on('connection', (socket, request) => {
  request.socket.setNoDelay(true);
  socket.on('message', (data) => python.stdin.write(/** @type {Buffer} */ (data)));
  python.stdout.on('data', (/** @type {Buffer} */ data) => {
    socket.send(data);
  });
});
process.stdin.resume();
process.stdin.on('end', () => {
  python.kill();
  behindHttp.kill();
  process.exit(0);
});
