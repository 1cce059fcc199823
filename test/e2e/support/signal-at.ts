/** Preloaded (`--import`) into a process that is tested: it sends itself SIGTERM at one moment of its start (SIGNAL_AT). */
import fs from 'node:fs';
import { Server } from 'node:net';

const moment = process.env['SIGNAL_AT'];
const signal = () => process.kill(process.pid, 'SIGTERM');

if (moment === 'it is about to listen' || moment === 'it listens') {
  const listen = Server.prototype.listen;
  Server.prototype.listen = new Proxy(listen, {
    apply(target, server: Server, args) {
      if (moment === 'it listens') server.once('listening', signal);
      else signal();
      return Reflect.apply(target, server, args);
    },
  });
}

if (moment === 'it says that it serves') {
  fs.writeSync = new Proxy(fs.writeSync, {
    apply(target, self, args) {
      if (String(args[1]).includes('"serving"')) signal();
      return Reflect.apply(target, self, args);
    },
  });
  fs.write = new Proxy(fs.write, {
    apply(target, self, args) {
      if (String(args[1]).includes('"serving"')) signal();
      return Reflect.apply(target, self, args);
    },
  });
}
