// A second PDS (and issuer) on the same PLC directory, to which accounts can move. Both are called localhost: only a DID
// and keys of its own make it another server.

export const configOfSecond = (port) => ({
  serviceDid: `did:web:localhost%3A${port}`, jwtSecret: 'the second PDS has its own',
})

/** Let the AppView follow the second PDS too. As a relay, it believes of an account only the PDS in its DID document. */
export async function followBoth(bsky, plcUrl, pds, second) {
  const { RepoSubscription } = await import('@atproto/bsky')
  const { Client } = await import('@did-plc/lib')
  const sub = new RepoSubscription({
    service: `ws://localhost:${second.port}`, db: bsky.db, idResolver: bsky.dataplane.idResolver,
  })
  const plc = new Client(plcUrl)
  const following = [[pds, bsky.sub], [second, sub]]
  for (const [server, { indexingSvc }] of following) {
    const update = indexingSvc.updateActorStatus.bind(indexingSvc)
    indexingSvc.updateActorStatus = async (did, ...more) => {
      const { services } = await plc.getDocumentData(did)
      if (services.atproto_pds?.endpoint === server.ctx.cfg.service.publicUrl) await update(did, ...more)
    }
  }
  void sub.start()
  return following
}

/** A `before` for `intercept` of the first PDS: the handles of accounts that moved lead to them, as DNS names would. */
export function handlesOf(second) {
  return (req, res, port, handle) => {
    const url = new URL(req.url, 'http://localhost')
    const wellKnown = url.pathname === '/.well-known/atproto-did'
    if (!wellKnown && url.pathname !== '/xrpc/com.atproto.identity.resolveHandle') return false
    const name = wellKnown ? (req.headers.host ?? '') : (url.searchParams.get('handle') ?? '')
    second.ctx.accountManager.getAccount(name).then((account) => {
      if (!account) return handle(req, res)
      res.writeHead(200, { 'content-type': wellKnown ? 'text/plain' : 'application/json' })
      return res.end(wellKnown ? account.did : JSON.stringify({ did: account.did }))
    }).catch(() => res.destroy())
    return true
  }
}
