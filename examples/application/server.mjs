// Shows which database user this pod has, and what it reads. It knows nothing of Vault: credentials are in its environment.
import { createServer } from 'node:http';
import { Pool } from 'pg';

const { DATABASE_URL, DB_USER, DB_PASSWORD, HOSTNAME, PGSSLROOTCERT, PORT = '3000' } = process.env;

const pool = new Pool({ connectionString: asInPsql(DATABASE_URL ?? fromParts(process.env)) });

/** For user name and password in a variable each: the rest is in libpq's own. */
function fromParts({ PGHOST = 'localhost', PGPORT = '5432', PGDATABASE = '', PGSSLMODE }) {
  const url = new URL(`postgres://${PGHOST}:${PGPORT}/${PGDATABASE}`);
  url.username = encodeURIComponent(DB_USER);
  url.password = encodeURIComponent(DB_PASSWORD);
  if (PGSSLMODE) url.searchParams.set('sslmode', PGSSLMODE);
  return url.href;
}

/** The driver takes every sslmode for verify-full otherwise, and goes by no PGSSLROOTCERT. */
function asInPsql(text) {
  const url = new URL(text);
  if (!url.searchParams.has('sslmode')) return text;
  url.searchParams.set('uselibpqcompat', 'true');
  if (PGSSLROOTCERT && !url.searchParams.has('sslrootcert'))
    url.searchParams.set('sslrootcert', PGSSLROOTCERT);
  return url.href;
}

// A connection that breaks is replaced by the next query.
pool.on('error', ({ message }) => console.error(message));

const server = createServer(async (_, response) => {
  try {
    const { rows } = await pool.query('SELECT session_user AS "user", what FROM notes ORDER BY id');
    response.setHeader('content-type', 'application/json');
    response.end(
      `${JSON.stringify({ pod: HOSTNAME, user: rows[0]?.user, notes: rows.map(({ what }) => what) })}\n`,
    );
  } catch ({ message }) {
    response.statusCode = 500;
    response.end(`${message}\n`);
  }
});

server.listen(Number(PORT), () => console.log(`listening on port ${server.address().port}`));
process.on('SIGTERM', () => {
  server.close();
  pool.end();
});
