// Accounts of the network, made over the PDS's own XRPC.
import { realFetch } from './hosts.mjs'
import { createSplitAccount } from './entryway.mjs'

const BYPASS = 'atnet-bypass'
const BASE = ['alice', 'bob', 'carol', 'dan', 'eve', 'frank', 'grace', 'heidi']

/** A caller of the PDS's methods that its rate limits leave alone. Throws with status and body. */
export const caller = (service) => async (nsid, { body, token, params } = {}) => {
  const url = new URL(`/xrpc/${nsid}?${new URLSearchParams(params)}`, service)
  const res = await realFetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      'x-ratelimit-bypass': BYPASS,
    },
    body: body && JSON.stringify(body),
  })
  const json = await res.json().catch(() => ({}))
  if (!res.ok) throw new Error(`${nsid} ${res.status} ${JSON.stringify(json)}`)
  return json
}

/** The makers of accounts and follows. `entryway` is the PDS itself where they are not apart. */
export function people(entryway, pds) {
  const xrpc = caller(pds.url)
  const accounts = []

  const create = async (name, password = `${name}-pass`) => {
    const handle = name.includes('.') ? name : `${name}.test`
    const email = `${handle.replaceAll('.', '-')}@example.com`
    const session = entryway === pds
      ? await xrpc('com.atproto.server.createAccount', { body: { handle, email, password } })
      : await createSplitAccount(entryway, pds, xrpc, { handle, email, password })
    const { did, accessJwt: token } = session
    const label = handle.split('.')[0]
    const record = {
      $type: 'app.bsky.actor.profile', displayName: label[0].toUpperCase() + label.slice(1),
      description: `test account ${handle}`, createdAt: new Date().toISOString(),
    }
    const [app] = await Promise.all([
      entryway.ctx.accountManager.createAppPassword(did, 'tests', false),
      xrpc('com.atproto.repo.putRecord', {
        token, body: { repo: did, collection: 'app.bsky.actor.profile', rkey: 'self', record },
      }),
    ])
    const account = { handle, did, password, appPassword: app.password, email }
    accounts.push(account)
    return { ...account, token }
  }

  const follow = (from, to) => xrpc('com.atproto.repo.createRecord', {
    token: from.token,
    body: {
      repo: from.did, collection: 'app.bsky.graph.follow',
      record: { $type: 'app.bsky.graph.follow', subject: to.did, createdAt: new Date().toISOString() },
    },
  })

  /** `spec`: a number or names, comma separated. Everyone follows the first, and each the next one, in a ring. */
  const populate = async (spec) => {
    const names = /^\d+$/.test(spec)
      ? Array.from({ length: Number(spec) }, (_, i) => BASE[i] ?? `user${i}`)
      : spec.split(',').map((name) => name.trim()).filter(Boolean)
    const made = await Promise.all(names.map((name) => create(name)))
    accounts.sort((a, b) => made.findIndex((m) => m.did === a.did) - made.findIndex((m) => m.did === b.did))
    const pairs = made.flatMap((from, i) =>
      [...new Set([0, (i + 1) % made.length])].filter((j) => j !== i).map((j) => [from, made[j]]))
    await Promise.all(pairs.map(([from, to]) => follow(from, to)))
    return pairs.map(([from, to]) => [from.handle, to.handle])
  }

  return { accounts, create, populate }
}
