// Tests with Jest and the Node.js driver: npm install && npm test

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const cassandra = require('cassandra-driver');

const SCHEMA = '../shop.cql';

let server;
let lines;
let client;

// Sends a command to the server, and returns its answer.
async function control(command) {
  server.stdin.write(JSON.stringify(command) + '\n');
  const answer = JSON.parse((await lines.next()).value);
  if (answer.error) throw new Error(answer.error);
  return answer.ok;
}

beforeAll(async () => {
  // The server ends when its standard input closes, so that none is left over.
  const options = ['--listen', '127.0.0.1:0', '--schema', SCHEMA, '--exit-with-stdin'];
  server = spawn('cqlwire', ['serve', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = readline.createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const [, address] = (await lines.next()).value.split(' ');
  client = new cassandra.Client({
    contactPoints: [address],
    localDataCenter: 'datacenter1',
    keyspace: 'shop',
  });
  await client.connect();
});

afterEach(async () => {
  await control({ clear_faults: true });
  await client.execute('TRUNCATE orders');
});

afterAll(async () => {
  await client.shutdown();
  const ended = once(server, 'exit');
  server.stdin.end();
  await ended;
});

const INSERT = 'INSERT INTO orders (id, item) VALUES (?, ?)';

test('finds an order', async () => {
  await client.execute(INSERT, [1, 'tea'], { prepare: true });
  const result = await client.execute('SELECT item FROM orders WHERE id = 1');
  expect(result.first().item).toBe('tea');
});

test('reports a timeout', async () => {
  await control({ on: 'INSERT INTO %orders %', error: 'write_timeout', times: 1 });
  const failed = client.execute(INSERT, [2, 'salt'], { prepare: true });
  await expect(failed).rejects.toMatchObject({ code: cassandra.types.responseErrorCodes.writeTimeout });
  await client.execute(INSERT, [2, 'salt'], { prepare: true });
  const inserts = await control({ received: 'INSERT INTO %orders %' });
  expect(inserts.at(-1).values).toEqual({ id: 2, item: 'salt' });
});
