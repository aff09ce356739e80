// Runs the steps of README.md with the Node.js driver.
//
// Arguments: host, port, keyspace, protocol version or `default`, compression or `default`. The driver has no
// compression.
'use strict';

const assert = require('assert').strict;
const { setTimeout: sleep } = require('timers/promises');
const cassandra = require('cassandra-driver');

const { types } = cassandra;
const [host, port, keyspace, version] = process.argv.slice(2);

// A value and a literal of each CQL type.
const EVERY_TYPE = [
  ['ascii', 'ascii', "'ascii'"],
  ['bigint', types.Long.fromString('-9223372036854775808'), '-9223372036854775808'],
  ['blob', Buffer.from([0, 255]), '0x00ff'],
  ['boolean', true, 'true'],
  ['date', types.LocalDate.fromString('2024-02-29'), "'2024-02-29'"],
  ['decimal', types.BigDecimal.fromString('-123.4500'), '-123.4500'],
  ['double', 1e300, '1e300'],
  ['duration', new types.Duration(1, 2, 3), '1mo2d3ns'],
  ['float', 0.5, '0.5'],
  ['inet', types.InetAddress.fromString('2001:db8::1'), "'2001:db8::1'"],
  ['int', -2147483648, '-2147483648'],
  ['smallint', -32768, '-32768'],
  ['text', 'grüße, 世界', "'grüße, 世界'"],
  ['time', types.LocalTime.fromString('23:59:59.999999999'), "'23:59:59.999999999'"],
  ['timestamp', new Date('2024-02-29T12:34:56.789Z'), "'2024-02-29T12:34:56.789Z'"],
  ['timeuuid', types.TimeUuid.fromString('8e14e760-7fa8-11eb-bc66-000000000001'), '8e14e760-7fa8-11eb-bc66-000000000001'],
  ['tinyint', -128, '-128'],
  ['uuid', types.Uuid.fromString('f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1'), 'f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1'],
  ['varchar', 'varchar', "'varchar'"],
  ['varint', types.Integer.fromString('-1208925819614629174706176'), '-1208925819614629174706176'],
  ['list<int>', [3, 1, 2], '[3, 1, 2]'],
  ['set<text>', ['a', 'b'], "{'a', 'b'}"],
  ['map<text, int>', { a: 1, b: 2 }, "{'a': 1, 'b': 2}"],
  ['tuple<int, text>', new types.Tuple(1, 'one'), "(1, 'one')"],
  ['frozen<list<frozen<map<text, int>>>>', [{ a: 1 }, {}], "[{'a': 1}, {}]"],
  ['frozen<address>', { street: 'Main Street', number: 7 }, "{street: 'Main Street', number: 7}"],
  ['vector<float, 3>', new types.Vector([1, 2.5, -3], 'float'), '[1.0, 2.5, -3.0]'],
];

// In v3, which does not have these types, servers describe them as custom types. The driver cannot write those.
const TYPES_OF_V4 = ['date', 'smallint', 'time', 'tinyint'];

const TYPES = EVERY_TYPE.filter(([type]) => version !== '3' || !TYPES_OF_V4.includes(type));

const COLUMNS = TYPES.map((_, number) => `c${number}`).join(', ');

const CODES = [0x0000, 0x000a, 0x0100, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300, 0x1400, 0x1500, 0x1600,
  0x1700, 0x2000, 0x2100, 0x2200, 0x2300, 0x2400];

// The codes that replace those that a version does not have.
const CODES_IN_V3 = { 0x1300: 0x1200, 0x1400: 0x2200, 0x1500: 0x1100, 0x1600: 0x2200, 0x1700: 0x1100 };
const CODES_IN_V4 = { 0x1700: 0x1100 };

function connectClient() {
  const protocolOptions = version === 'default' ? {} : { maxVersion: Number(version) };
  return new cassandra.Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter: 'datacenter1',
    protocolOptions,
    socketOptions: { readTimeout: 60_000 },
  });
}

const steps = {
  async connect(client) {
    const row = (await client.execute('SELECT cql_version FROM system.local')).first();
    assert.equal(row.cql_version, '3.4.7');
    const connected = client.controlConnection.protocolVersion;
    assert.equal(connected, version === 'default' ? 4 : Number(version));
  },

  async metadata(client) {
    const hosts = client.hosts.values();
    assert.deepEqual(hosts.map((of) => [of.address, of.datacenter, of.isUp()]), [[`${host}:${port}`, 'datacenter1', true]]);
    assert.equal(client.metadata.getTokenRanges().size > 0, true);
    const local = await client.metadata.getTable('system', 'local');
    assert.deepEqual(local.partitionKeys.map((key) => key.name), ['key']);
  },

  async ddl(client) {
    await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
    await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = `
      + "{'class': 'SimpleStrategy', 'replication_factor': 1}");
    await client.execute(`USE ${keyspace}`);
    await client.execute('CREATE TYPE address (street text, number int)');
    await client.execute('CREATE TABLE changed (id int, at timeuuid, note text STATIC, PRIMARY KEY (id, at)) '
      + 'WITH CLUSTERING ORDER BY (at DESC)');
    const altered = await client.execute('ALTER TABLE changed ADD more set<int>');
    assert.equal(altered.info.isSchemaInAgreement, true);
    const table = await client.metadata.getTable(keyspace, 'changed');
    assert.deepEqual(table.columns.map((column) => column.name).sort(), ['at', 'id', 'more', 'note']);
    assert.equal(table.columnsByName.note.isStatic, true);
    assert.deepEqual(table.clusteringOrder, ['DESC']);
    const address = await client.metadata.getUdt(keyspace, 'address');
    assert.deepEqual(address.fields.map((field) => field.name), ['street', 'number']);
    await client.execute('DROP TABLE changed');
    assert.equal(await client.metadata.getTable(keyspace, 'changed'), null);
  },

  async types(client) {
    const columns = TYPES.map(([type], number) => `c${number} ${type}`).join(', ');
    await client.execute(`CREATE TABLE every_type (id int PRIMARY KEY, ${columns})`);
    const markers = TYPES.map(() => '?').join(', ');
    const insert = `INSERT INTO every_type (id, ${COLUMNS}) VALUES (?, ${markers})`;
    const values = TYPES.map(([, value]) => value);
    await client.execute(insert, [1, ...values], { prepare: true });
    const literals = TYPES.map(([, , literal]) => literal).join(', ');
    await client.execute(`INSERT INTO every_type (id, ${COLUMNS}) VALUES (2, ${literals})`);
    await client.execute(insert, [3, ...values.map(() => null)], { prepare: true });
    for (const key of [1, 2]) {
      for (const prepare of [true, false]) {
        const select = `SELECT ${COLUMNS} FROM every_type WHERE id = ?`;
        const row = (await client.execute(select, [key], { prepare, hints: ['int'] })).first();
        row.values().forEach((value, number) => {
          const [type, expected] = TYPES[number];
          assert.equal(JSON.stringify(value), JSON.stringify(expected), type);
        });
      }
    }
    const nulls = (await client.execute(`SELECT ${COLUMNS} FROM every_type WHERE id = 3`)).first();
    assert.deepEqual(nulls.values(), values.map(() => null));
  },

  async prepared(client) {
    await client.execute('CREATE TABLE users (name text PRIMARY KEY, age int)');
    const insert = 'INSERT INTO users (name, age) VALUES (?, ?)';
    const select = 'SELECT age FROM users WHERE name = ?';
    for (let age = 0; age < 10; age += 1) {
      await client.execute(insert, [`user_${age}`, age], { prepare: true });
    }
    for (let age = 0; age < 10; age += 1) {
      const row = (await client.execute(select, [`user_${age}`], { prepare: true })).first();
      assert.equal(row.age, age);
    }
    assert.equal((await client.execute(select, ['nobody'], { prepare: true })).first(), null);
    const named = 'SELECT age FROM users WHERE name = :name';
    assert.equal((await client.execute(named, { name: 'user_3' }, { prepare: true })).first().age, 3);
  },

  async batch(client) {
    for (const logged of [true, false]) {
      await client.batch([
        { query: 'INSERT INTO users (name, age) VALUES (?, ?)', params: [`batch_${logged}`, 1] },
        { query: "UPDATE users SET age = ? WHERE name = 'batch'", params: [2] },
        { query: 'DELETE FROM users WHERE name = ?', params: ['user_9'] },
      ], { prepare: true, logged });
      const row = (await client.execute(`SELECT age FROM users WHERE name = 'batch_${logged}'`)).first();
      assert.equal(row.age, 1);
    }
    await client.batch(["UPDATE users SET age = 3 WHERE name = 'batch'"]);
    assert.equal((await client.execute("SELECT age FROM users WHERE name = 'batch'")).first().age, 3);
    assert.equal((await client.execute("SELECT age FROM users WHERE name = 'user_9'")).first(), null);
  },

  async paging(client) {
    await client.execute('CREATE TABLE numbers (part int, number int, PRIMARY KEY (part, number))');
    const insert = 'INSERT INTO numbers (part, number) VALUES (?, ?)';
    for (let number = 0; number < 250; number += 1) {
      await client.execute(insert, [number % 2, number], { prepare: true });
    }
    const all = [];
    for await (const row of await client.execute('SELECT number FROM numbers', [], { prepare: true, fetchSize: 100 })) {
      all.push(row.number);
    }
    assert.deepEqual(all.sort((a, b) => a - b), [...Array(250).keys()]);
    const select = 'SELECT number FROM numbers WHERE part = 1';
    const odd = [...Array(125).keys()].map((half) => 2 * half + 1);
    const first = await client.execute(select, [], { fetchSize: 40 });
    assert.deepEqual(first.rows.map((row) => row.number), odd.slice(0, 40));
    const second = await client.execute(select, [], { fetchSize: 40, pageState: first.pageState });
    assert.deepEqual(second.rows.map((row) => row.number), odd.slice(40, 80));
  },

  async conditional(client) {
    const insert = 'INSERT INTO users (name, age) VALUES (?, ?) IF NOT EXISTS';
    const applied = await client.execute(insert, ['lwt', 1], { prepare: true });
    assert.equal(applied.wasApplied(), true);
    const refused = await client.execute(insert, ['lwt', 2], { prepare: true });
    assert.equal(refused.wasApplied(), false);
    assert.equal(refused.first().age, 1);
    const update = await client.execute("UPDATE users SET age = 3 WHERE name = 'lwt' IF age = 1");
    assert.equal(update.wasApplied(), true);
    const again = await client.execute("UPDATE users SET age = 4 WHERE name = 'lwt' IF age = 1");
    assert.deepEqual(again.first().values(), [false, 3]);
    assert.equal((await client.execute("DELETE FROM users WHERE name = 'lwt' IF EXISTS")).wasApplied(), true);
  },

  async counter(client) {
    await client.execute('CREATE TABLE counts (name text PRIMARY KEY, hits counter)');
    const add = 'UPDATE counts SET hits = hits + ? WHERE name = ?';
    await client.execute(add, [2, 'page'], { prepare: true });
    await client.batch([{ query: add, params: [-3, 'page'] }], { prepare: true, counter: true });
    const row = (await client.execute("SELECT hits FROM counts WHERE name = 'page'")).first();
    assert.equal(row.hits.toString(), '-1');
  },

  async events(client) {
    const other = connectClient();
    const created = `${keyspace}_of_another_client`;
    try {
      await other.execute(`DROP KEYSPACE IF EXISTS ${created}`);
      await other.execute(`CREATE KEYSPACE ${created} WITH replication = `
        + "{'class': 'SimpleStrategy', 'replication_factor': 1}");
      await waitUntil(() => client.metadata.keyspaces[created]);
      await other.execute(`DROP KEYSPACE ${created}`);
      await waitUntil(() => !client.metadata.keyspaces[created]);
    } finally {
      await other.shutdown();
    }
  },

  async errors(client) {
    const connected = client.controlConnection.protocolVersion;
    const replaced = connected < 4 ? CODES_IN_V3 : CODES_IN_V4;
    for (const code of CODES) {
      const expected = replaced[code] ?? code;
      const query = `SELECT v FROM faults.errors WHERE code = ${code}`;
      await assert.rejects(client.execute(query), (error) => {
        // If the driver has tried all nodes, it reports the error of each.
        const [of] = Object.values(error.innerErrors ?? { error });
        assert.equal(of.code, expected, `code ${code}: ${of}`);
        return true;
      });
    }
    const forgotten = await client.execute('SELECT v FROM faults.forgotten', [], { prepare: true });
    assert.equal(forgotten.first().v, 'prepared again');
  },

  async large(client) {
    await client.execute('CREATE TABLE large (part int, number int, bytes blob, PRIMARY KEY (part, number))');
    const insert = 'INSERT INTO large (part, number, bytes) VALUES (0, ?, ?)';
    for (let number = 0; number < 20; number += 1) {
      await client.execute(insert, [number, Buffer.alloc(1 << 20, number)], { prepare: true });
    }
    const result = await client.execute('SELECT number, bytes FROM large WHERE part = 0');
    assert.equal(result.rows.length, 20);
    result.rows.forEach((row, number) => {
      assert.equal(row.number, number);
      assert.equal(row.bytes.equals(Buffer.alloc(1 << 20, number)), true);
    });
  },

  async warnings(client) {
    if (client.controlConnection.protocolVersion < 4) {
      return 'v3 has no warnings';
    }
    const result = await client.execute('SELECT v FROM faults.warnings');
    assert.deepEqual(result.info.warnings, ['the first warning', 'the second warning']);
    return undefined;
  },

  async payload(client) {
    if (client.controlConnection.protocolVersion < 4) {
      return 'v3 has no payloads';
    }
    const customPayload = { key: Buffer.from('value'), empty: Buffer.alloc(0) };
    const result = await client.execute('SELECT v FROM faults.payload', [], { customPayload });
    assert.deepEqual({ ...result.info.customPayload }, customPayload);
    return undefined;
  },

  async tracing(client) {
    const query = "SELECT age FROM users WHERE name = 'user_1'";
    const result = await client.execute(query, [], { traceQuery: true });
    const trace = await client.metadata.getTrace(result.info.traceId);
    assert.equal(trace.requestType, 'Execute CQL3 query');
    assert.equal(trace.parameters.query, query);
    assert.equal(trace.coordinator.toString(), host);
    assert.equal(trace.events.length > 0, true);
  },
};

async function waitUntil(condition) {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.equal(Date.now() < deadline, true, 'the event did not arrive within 30 seconds');
    await sleep(10);
  }
}

async function main() {
  const client = connectClient();
  for (const [name, step] of Object.entries(steps)) {
    try {
      const skipped = await step(client);
      console.log(skipped ? `skipped ${name}: ${skipped}` : `ok ${name}`);
    } catch (error) {
      console.log(`failed ${name}: ${error}`.replaceAll('\n', ' '));
    }
  }
  await client.shutdown();
}

main();
