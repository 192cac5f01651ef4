// bsky.social's shape: an entryway (accounts, passwords, OAuth issuer) at one origin, the PDS that holds the
// repositories at another. Both are the real server; the resource server runs in its own entryway mode and verifies
// ES256K tokens of the entryway. The entryway's code is not public: what differs from a plain PDS is put right here.
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import * as jose from 'jose'
import { JoseKey } from '@atproto/jwk-jose'
import { Keyset } from '@atproto/jwk'
import * as plc from '@did-plc/lib'

/** The key with which the entryway signs access tokens, and its public half as the PDS wants it configured. */
export function signingKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  const publicHex = `04${[x, y].map((part) => Buffer.from(part, 'base64url').toString('hex')).join('')}`
  return { privateKey, publicHex }
}

/** Make a plain PDS sign for the resource server: tokens that carry their scope, `aud` = the resource server. */
export async function actAsEntryway(entryway, privateKey, resourceDid) {
  const { oauthProvider: provider, accountManager: accounts } = entryway.ctx
  // Without a kid, as the PDS configures its half: it refuses a token that names one ("No key matched").
  const keyset = new Keyset([await JoseKey.fromKeyLike(privateKey, undefined, 'ES256K')])
  provider.keyset = keyset
  provider.signer.keyset = keyset
  provider.accessTokenMode = provider.tokenManager.accessTokenMode = 'stateless'
  provider.tokenManager.hooks.onCreateToken = ({ claims }) => ({ ...claims, aud: resourceDid })

  // App-password sessions: the PDS checks both tokens with this key, and hands refresh tokens back to the entryway.
  entryway.ctx.authVerifier._jwtKey = createPublicKey(privateKey)
  const resign = (token, typ, more) => new jose.SignJWT({ ...jose.decodeJwt(token), ...more })
    .setProtectedHeader({ typ, alg: 'ES256K' }).sign(privateKey)
  for (const name of ['createSession', 'rotateRefreshToken']) {
    const original = accounts[name].bind(accounts)
    accounts[name] = async (...args) => {
      const tokens = await original(...args)
      if (!tokens) return tokens
      return {
        ...tokens,
        accessJwt: await resign(tokens.accessJwt, 'at+jwt', { aud: resourceDid }),
        refreshJwt: await resign(tokens.refreshJwt, 'refresh+jwt'),
      }
    }
  }
}

/** A `before` for `intercept`: the PDS asks the entryway for a member's session with a service token. */
export function answerGetSession(entryway) {
  return (req, res) => {
    const token = (req.headers.authorization ?? '').replace(/^Bearer /, '')
    if (!req.url.startsWith('/xrpc/com.atproto.server.getSession') || !token) return false
    const { lxm, iss } = jose.decodeJwt(token)
    if (!lxm) return false
    entryway.ctx.accountManager.getAccount(iss, { includeDeactivated: true }).then((account) => {
      const { did, handle, email, emailConfirmedAt, deactivatedAt } = account
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify({ did, handle, email, emailConfirmed: !!emailConfirmedAt, active: !deactivatedAt }))
    }).catch(() => res.destroy())
    return true
  }
}

/** Create an account as bsky.social does: its name at the entryway, its repository at the PDS. */
export async function createSplitAccount(entryway, pds, xrpc, { handle, email, password }) {
  const { signingKey: key } = await xrpc('com.atproto.server.reserveSigningKey', { body: {} })
  const signer = entryway.ctx.plcRotationKey
  const { did, op } = await plc.createOp({
    signingKey: key, rotationKeys: [signer.did()], handle, pds: pds.ctx.cfg.service.publicUrl, signer,
  })
  const accounts = entryway.ctx.accountManager
  await accounts.createAccount({ did, handle, email, password, repoCid: 'bafyreib', repoRev: '3222222222222' })
  await xrpc('com.atproto.server.createAccount', { body: { handle, did, plcOp: op } })
  return { did, handle, ...(await accounts.createSession(did, null)) }
}
