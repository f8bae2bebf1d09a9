// node_cluster.js: cluster workers share a server's socket, answer one request each, and print all at once.
const cluster = require('cluster');
const fs = require('fs');
const http = require('http');

const WORKERS = 3;
const me = () => `${fs.readFileSync('/proc/self/comm', 'utf8').trim()}[${process.pid}]: `;

function say(text, stream = process.stdout) {
  const line = `${me()}${text}\n`;
  if (process.env.PIECES !== '1') return stream.write(line);
  for (let i = 0; i < line.length; i += 5) stream.write(line.slice(i, i + 5));
}

function worker() {
  const server = http.createServer((request, response) => {
    say(`asked for ${request.url}`);
    response.end('answer');
  });
  for (let i = 0; i < 20; i++) {
    say(`worker line ${i}`);
    say(`worker error ${i}`, process.stderr);
  }
  // Port 0: the primary asks the kernel for one, the same for all workers.
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit(0));
}

function get(port, n) {
  return new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path: `/${n}`, agent: false }, (response) => {
      response.on('data', (data) => resolve(`${response.statusCode} ${data}`));
    }).on('error', reject);
  });
}

async function primary() {
  say('primary');
  const workers = Array.from({ length: WORKERS }, () => cluster.fork());
  const ports = await Promise.all(workers.map((w) => new Promise((resolve) => w.once('message', resolve))));
  say(`one port: ${new Set(ports).size === 1}`);
  for (let n = 0; n < 6; n++) say(`got ${await get(ports[0], n)}`);
  workers[0].process.kill('SIGKILL');
  await new Promise((resolve) => workers[0].on('exit', (code, signal) => resolve(say(`killed: ${signal}`))));
  cluster.disconnect(() => say('all gone'));
}

if (cluster.isPrimary) primary();
else worker();
