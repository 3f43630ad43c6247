// Runs the GitHub of vercel-labs/emulate for the tests, at the time that they tell. Each line of standard input is an order,
// [name, value] in JSON, and is answered by one line. The process ends with its standard input.
import http from "node:http";
import readline from "node:readline";
import { createEmulator } from "emulate";

let now = 0; // milliseconds; one more with each request, so that what is written has an order
let sending = 0; // webhooks under way
let port; // where the newest server listens
let github;

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
  static now() {
    return now;
  }
};

const realFetch = globalThis.fetch;
globalThis.fetch = async (...request) => {
  sending++;
  try {
    const answer = await realFetch(...request);
    await answer.arrayBuffer(); // frees the connection
    return answer;
  } finally {
    sending--;
  }
};

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, ...rest) {
  if (event === "listening") port = this.address().port;
  if (event === "request") now++;
  return emit.call(this, event, ...rest);
};

const orders = {
  // Starts a new GitHub at a time, in place of the one before, and tells its port.
  async start({ time, emulator }) {
    await github?.close();
    now = time;
    github = await createEmulator(emulator);
    return port;
  },
  // Lets time pass; it does not go back.
  time(to) {
    now = Math.max(now, to);
  },
  // Waits until no webhook is under way.
  async settle() {
    while (sending > 0) await new Promise(setImmediate);
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [order, value] = JSON.parse(line);
  console.log(JSON.stringify((await orders[order](value)) ?? null));
}
process.exit(0);
