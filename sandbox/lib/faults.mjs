// Faults on demand in front of a real server, and the sign-in codes by e-mail that only bsky.social has.
//
// A fault: {match: 'com.atproto.repo.createRecord', kind, rate: 0..1, times?, ms?, status?, headers?, body?}; kinds:
//   status        answer `status` at once, nothing is done
//   drop-before   close the connection, nothing is done
//   drop-after    do it, then close the connection instead of answering
//   delay-before  do it `ms` later, even if the client has gone: the late write
//   delay-after   do it, answer `ms` later
import http from 'node:http'

export const faults = { active: [], log: [] }
const LATE = 'x-atnet-late'

const json = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(body))
}

const bodyOf = async (req) => {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Do the request again on a connection of its own, with the body kept, and pass the answer on if anybody waits. */
function replay(req, res, port, body) {
  const again = http.request({
    host: 'localhost', port, method: req.method, path: req.url, headers: { ...req.headers, [LATE]: '1' },
  }, (answer) => {
    if (res.destroyed) return answer.resume()
    res.writeHead(answer.statusCode, answer.rawHeaders)
    answer.pipe(res)
  })
  again.on('error', () => res.destroy())
  again.end(body)
}

const kinds = {
  status(fault, req, res) {
    req.resume()
    json(res, fault.status ?? 503, fault.body ?? { error: 'Fault', message: 'injected' }, fault.headers)
  },
  'drop-before'(fault, req) { req.socket.destroy() },
  'drop-after'(fault, req, res, handle) {
    res.write = () => true
    res.end = () => { req.socket.destroy(); return res }
    handle(req, res)
  },
  'delay-after'(fault, req, res, handle) {
    const { end } = res
    res.end = (...args) => { setTimeout(() => end.apply(res, args), fault.ms ?? 1000); return res }
    handle(req, res)
  },
  async 'delay-before'(fault, req, res, handle, port) {
    const body = await bodyOf(req)
    setTimeout(() => replay(req, res, port, body), fault.ms ?? 1000)
  },
}

/** Put the faults, and `before(req, res, port, handle)` which may answer by itself, in front of `listener`'s own handler. */
export function intercept(listener, port, before = () => false) {
  const [original] = listener.listeners('request')
  const handle = (req, res) => original.call(listener, req, res)
  listener.removeAllListeners('request')
  listener.on('request', (req, res) => {
    if (req.headers[LATE]) return handle(req, res)
    const fault = faults.active.find(({ match, times, rate }) =>
      req.url.includes(match ?? '') && (times ?? 1) > 0 && Math.random() < (rate ?? 1))
    if (!fault) return before(req, res, port, handle) || handle(req, res)
    if (fault.times !== undefined) fault.times--
    faults.log.push({ at: Date.now(), kind: fault.kind, status: fault.status, url: req.url })
    const act = kinds[fault.kind]
    if (!act) return json(res, 500, { error: `no fault kind ${fault.kind}` })
    return Promise.resolve(act(fault, req, res, handle, port)).catch(() => res.destroy())
  })
}

/** Accounts that need a code from an e-mail to sign in with their main password: handle or DID → {password, code}. */
export const emailCodes = new Map()

/** A `before` for `intercept`: createSession of such an account asks for the code, as bsky.social does. */
export function askForCode(sendMail) {
  return (req, res, port) => {
    if (!emailCodes.size || !req.url.startsWith('/xrpc/com.atproto.server.createSession')) return false
    bodyOf(req).then(async (body) => {
      const { identifier, password, authFactorToken } = JSON.parse(body)
      const account = emailCodes.get(identifier)
      if (account && password === account.password && authFactorToken !== account.code) {
        await sendMail({ to: account.email, subject: 'Sign in to Bluesky', html: account.code })
        return json(res, 401, {
          error: 'AuthFactorTokenRequired', message: 'A sign in code has been sent to your email address',
        })
      }
      return replay(req, res, port, body)
    }).catch(() => res.destroy())
    return true
  }
}
