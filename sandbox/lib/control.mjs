// The control API: JSON over http on its own port.
import { createServer } from 'node:http'
import { emailCodes, faults } from './faults.mjs'
import { hostmap } from './hosts.mjs'

const readJson = async (req) => {
  let text = ''
  for await (const chunk of req) text += chunk
  return text ? JSON.parse(text) : {}
}

/** Serve the control API. `network` has: issuer, info, sync, outbox, createAccount, stop. */
export async function control(port, network) {
  const provider = network.issuer.ctx.oauthProvider
  const routes = {
    'GET /info': () => network.info(),
    'POST /sync': async () => { await network.sync(); return { ok: true } },
    'GET /outbox': () => network.outbox,
    'GET /faults': () => ({ faults: faults.active, log: faults.log }),
    'POST /faults': (body) => { faults.active = body; return body },
    'POST /hostmap': (body) => {
      for (const [origin, target] of Object.entries(body)) target ? hostmap.set(origin, target) : hostmap.delete(origin)
      return Object.fromEntries(hostmap)
    },
    'POST /account': async ({ handle, password }) => {
      const { token: _, ...account } = await network.createAccount(handle, password)
      return account
    },
    // The account's main password needs this code from now on.
    'POST /email-code': ({ handle, code }) => {
      const account = network.accounts.find((known) => known.handle === handle)
      if (!account) throw new Error(`no account ${handle}`)
      for (const name of [account.handle, account.did, account.email]) emailCodes.set(name, { ...account, code })
      return { ok: true }
    },
    // The provider keeps client metadata and keys for 10 minutes.
    'POST /forget-client': async ({ client_id: clientId, jwks_uri: jwksUri }) => {
      await provider.clientManager.metadataGetter.delStored(clientId)
      if (jwksUri) await provider.clientManager.jwks.delStored(jwksUri)
      return { ok: true }
    },
    // The life of access tokens issued from now on (3600 at first).
    'POST /token-max-age': ({ seconds }) => {
      provider.tokenManager.tokenMaxAge = Math.round(seconds * 1000)
      return { ok: true }
    },
    'POST /stop': () => { setTimeout(network.stop, 10); return { ok: true } },
  }
  const server = createServer(async (req, res) => {
    const reply = (status, body) => {
      res.writeHead(status, { 'content-type': 'application/json' })
      res.end(JSON.stringify(body))
    }
    const act = routes[`${req.method} ${req.url}`]
    if (!act) return reply(404, { error: 'NotFound', routes: Object.keys(routes) })
    try {
      reply(200, await act(req.method === 'POST' ? await readJson(req) : {}))
    } catch (fault) {
      reply(500, { error: String(fault?.message ?? fault) })
    }
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}
