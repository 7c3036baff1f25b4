/**
 * The floor of a warm call: one WebSocket message in, through a pipe to a Python process that echoes
 * it, and back. Nothing is parsed, checked, logged or stored. Prints its port; ends with its stdin.
 * Usage: node floorServer.mjs PYTHON
 */
import { spawn } from 'node:child_process';
import { WebSocketServer } from 'ws';

const ECHO = `
import os
while True:
    data = os.read(0, 65536)
    if not data:
        break
    os.write(1, data)
`;

const python = spawn(process.argv[2] ?? 'python3', ['-c', ECHO], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => {
  const address = server.address();
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
  process.exit(0);
});
