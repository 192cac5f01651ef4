// Names that exist only here: outgoing requests of the servers to a mapped https origin go to local http, a TLS
// front serves the same names to browsers and clients, and nobody but this machine can connect to anything.
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { readFile } from 'node:fs/promises'
import pg from 'pg'

export const hostmap = new Map()
export const realFetch = globalThis.fetch

/** From now on `fetch` of a mapped origin goes to its local target. Call before the servers are imported. */
export function mapFetch() {
  globalThis.fetch = function (input, init) {
    const url = new URL(input instanceof Request ? input.url : String(input))
    const target = hostmap.get(url.origin)
    if (!target) return realFetch.call(this, input, init)
    const mapped = new URL(url.pathname + url.search, target)
    // The dispatcher that enforces the SSRF policy is dropped on purpose.
    const { dispatcher: _, ...rest } = init ?? {}
    return realFetch(input instanceof Request ? new Request(mapped, input) : mapped, rest)
  }
}

/** The servers listen on every interface; connections from other machines are closed at once. */
export function onlyThisMachine() {
  const { listen } = net.Server.prototype
  net.Server.prototype.listen = function (...args) {
    this.prependListener('connection', (socket) => {
      if (!/^(::1$|(::ffff:)?127\.)/.test(socket.remoteAddress ?? '127.')) socket.destroy()
    })
    return listen.apply(this, args)
  }
}

/** A TLS server that forwards by Host header to the mapped http target. */
export async function tlsFront(port, certFile, keyFile) {
  const options = { cert: await readFile(certFile), key: await readFile(keyFile) }
  const front = https.createServer(options, (req, res) => {
    const host = (req.headers.host ?? '').replace(/:\d+$/, '')
    const target = hostmap.get(`https://${host}`)
    if (!target) { res.writeHead(502); return res.end(`no mapping for https://${host}\n`) }
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': host, 'x-forwarded-for': '127.0.0.1' }
    const up = http.request(new URL(req.url, target), {
      method: req.method, headers: { ...req.headers, host, ...forwarded },
    }, (answer) => { res.writeHead(answer.statusCode, answer.rawHeaders); answer.pipe(res) })
    // A server that drops the connection is felt by the client as just that.
    up.on('error', () => req.socket.destroy())
    req.pipe(up)
  })
  await new Promise((resolve) => front.listen(port, '127.0.0.1', resolve))
  return front
}

/** A port that nobody uses now. */
export const freePort = () => new Promise((resolve, reject) => {
  const server = net.createServer().once('error', reject)
  server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)) })
})

/** Wait until PostgreSQL answers at `connectionString`; throws its last error after `timeout` ms. */
export async function waitForPostgres(connectionString, timeout = 60_000) {
  for (const end = Date.now() + timeout; ;) {
    const client = new pg.Client({ connectionString })
    try {
      await client.connect()
      return await client.end()
    } catch (fault) {
      if (Date.now() > end) throw fault
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
