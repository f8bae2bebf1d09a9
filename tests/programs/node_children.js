// node_children.js: each kind of child_process: spawn with inherited streams, exec and execFile through pipes, fork, spawnSync.
const { spawn, exec, execFile, fork, spawnSync } = require('child_process');
const fs = require('fs');

const me = () => `${fs.readFileSync('/proc/self/comm', 'utf8').trim()}[${process.pid}]: `;

function say(text) {
  const line = `${me()}${text}\n`;
  if (process.env.PIECES !== '1') return process.stdout.write(line);
  for (let i = 0; i < line.length; i += 9) process.stdout.write(line.slice(i, i + 9));
}

const ended = (child) => new Promise((resolve) => child.on('close', (code, signal) => resolve(signal || code)));

async function main() {
  say('begin');
  const shell = 'printf "sh[$$]: "; printf "spawned "; echo $0; exit $1';
  const children = [1, 2, 3].map((n) => spawn('sh', ['-c', shell, 'name', n], { stdio: 'inherit' }));
  say(`spawned: ${await Promise.all(children.map(ended))}`);
  const inherits = { stdio: ['ignore', 'inherit', 'inherit'], env: {} };
  say(`no environment: ${await ended(spawn('/bin/sh', ['-c', shell, 'bare', 4], inherits))}`);
  await new Promise((done) => exec('echo caught; exit 5', (error, stdout) => {
    say(`exec: ${error.code} ${stdout.trim()}`);
    done();
  }));
  await new Promise((done) => execFile(process.execPath, ['-e', 'console.log(6 * 7)'], (error, stdout) => {
    say(`execFile: ${error} ${stdout.trim()}`);
    done();
  }));
  const child = fork(__filename, ['child']);
  child.on('message', (message) => say(`message: ${message}`));
  say(`forked: ${await ended(child)}`);
  const sync = spawnSync('sh', ['-c', 'echo "sh[$$]: sync"; kill -9 $$'], { stdio: 'inherit' });
  say(`sync: ${sync.signal}`);
  process.exitCode = 3;
}

if (process.argv[2] === 'child') {
  for (let i = 0; i < 20; i++) say(`child line ${i}`);
  process.send('from the child', () => process.disconnect());
  process.exitCode = 8;
} else {
  main();
}
