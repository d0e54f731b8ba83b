import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proxyFor } from '../../src/io/proxy.ts';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { HubServer } from '../helpers/hub-server.ts';
import { nanoPath } from '../helpers/nano.ts';

describe('the proxy for an address', () => {
  const shown = (address: string, env: Record<string, string>) => {
    const proxy = proxyFor(new URL(address), env);
    return proxy && `${proxy.shown} ${proxy.variable}`;
  };

  it.each([
    ['http://hub/', { HTTP_PROXY: 'http://p:1' }, 'http://p:1 HTTP_PROXY'],
    ['http://hub/', { http_proxy: 'http://p:1', HTTP_PROXY: 'http://q:1' }, 'http://p:1 http_proxy'],
    ['https://hub/', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['https://hub/', { https_proxy: 'p:8080' }, 'http://p:8080 https_proxy'],
    ['https://hub/', { ALL_PROXY: 'https://p:1' }, 'https://p:1 ALL_PROXY'],
    ['https://hub/', { ALL_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:1' }, 'http://q:1 HTTPS_PROXY'],
    ['https://hub/', { HTTPS_PROXY: 'http://user:secret@p:1' }, 'http://p:1 HTTPS_PROXY'],
    ['https://hub/', { HTTPS_PROXY: ' ' }, undefined],
  ])('%s with %o is %s', (address, env, expected) => {
    expect(shown(address, env as Record<string, string>)).toBe(expected);
  });

  it.each([
    ['hub.co', true],
    ['.hub.co', true],
    ['*.hub.co', true],
    ['*', true],
    ['other.co, HUB.co', true],
    ['hub.co:443', true],
    ['hub.co:8080', false],
    ['ub.co', false],
    ['cdn.hub.co', false],
    ['', false],
  ])('is none where NO_PROXY is "%s": %s', (list, isExempt) => {
    const env = { HTTPS_PROXY: 'http://p:1', NO_PROXY: list };
    expect(shown('https://hub.co/x', env) === undefined).toBe(isExempt);
    if (list === 'hub.co') expect(shown('https://cdn.hub.co/x', env)).toBeUndefined();
  });

  it('is known for addresses by number', () => {
    const env = { http_proxy: 'p:1', no_proxy: '127.0.0.1,[::1]:80' };
    expect(shown('http://127.0.0.1:99/', env)).toBeUndefined();
    expect(shown('http://[::1]/', env)).toBeUndefined();
    expect(shown('http://[::1]:81/', env)).toBe('http://p:1 http_proxy');
  });

  it.each(['socks5://user:secret@p:1', 'http://', 'http://user:secret@:x'])(
    'is refused where it is %s, without its password',
    (text) => {
      const error = catching(() => proxyFor(new URL('http://hub/'), { ALL_PROXY: text }));
      expect(error).toMatchObject({ code: 'io/bad-proxy', message: expect.stringContaining('ALL_PROXY') });
      expect(String(error)).not.toContain('secret');
    },
  );
});

function catching(act: () => unknown): unknown {
  try {
    return act();
  } catch (thrown) {
    return thrown;
  }
}

const TINYPROXY = ['/usr/bin/tinyproxy', '/usr/sbin/tinyproxy', '/opt/homebrew/bin/tinyproxy'].find(
  existsSync,
);
const REPO = 'maker/nano-GGUF';

// Skipped where there is none; Debian's and Homebrew's package are called tinyproxy.
describe.skipIf(TINYPROXY === undefined)('a real proxy that wants a password', () => {
  let server: HubServer;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let port: number;
  let end: () => Promise<void>;

  beforeAll(async () => {
    server = await HubServer.start();
    const content = await readFile(nanoPath('Q2_K'));
    server.repos.set(REPO, {
      files: { 'nano-Q2_K.gguf': { content }, 'plain-Q8_0.gguf': { content, lfs: false } },
    });
    scratch = await scratchFolder();
    port = await freePort();
    const config = scratch.path('tinyproxy.conf');
    const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'BasicAuth user pass', 'MaxClients 20', 'Timeout 20'];
    await writeFile(config, `${lines.join('\n')}\nLogFile "${scratch.path('proxy.log')}"\n`);
    const proxy = spawn(TINYPROXY ?? '', ['-d', '-c', config], { stdio: 'ignore' });
    const gone = once(proxy, 'exit');
    end = async () => {
      proxy.kill('SIGKILL');
      await gone;
    };
    for (let tries = 0; tries < 100 && !(await answers(port)); tries++) await wait(50);
  });

  afterAll(async () => {
    await end();
    await server[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  function run(args: readonly string[], env: Record<string, string>): Promise<CliResult> {
    return quantscope(args, {
      env: {
        HF_ENDPOINT: server.endpoint,
        HF_HOME: scratch.path(`hf-${Math.random()}`),
        HF_TOKEN: '',
        HF_HUB_CACHE: '',
        XDG_CACHE_HOME: scratch.path('cache'),
        ...env,
      },
    });
  }

  it('passes on all that a pull asks for', async () => {
    server.requests.length = 0;
    const env = { HTTP_PROXY: `http://user:pass@127.0.0.1:${port}` };
    const { exitCode, stdout, stderr } = await run(['pull', `hf:${REPO}:Q2_K`], env);
    expect(stderr).toContain('verified');
    expect(exitCode).toBe(0);
    expect((await readFile(stdout.trim())).equals(await readFile(nanoPath('Q2_K')))).toBe(true);
    expect(server.requests.length).toBeGreaterThan(3);
    expect(new Set(server.requests.map(({ server: of }) => of))).toEqual(new Set(['hub', 'cdn']));
    for (const { headers } of server.requests) expect(headers.via).toContain('tinyproxy');
  });

  it('passes on the reading of a header', async () => {
    const env = { all_proxy: `user:pass@127.0.0.1:${port}` };
    const { exitCode, stdout } = await run(['inspect', `hf:${REPO}:Q2_K`, '--json'], env);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).quantization.label).toBe('Q2_K');
  });

  it('tunnels https, which it cannot read', async () => {
    const certificate = scratch.path('certificate.pem');
    const key = scratch.path('key.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
    expect(spawnSync('openssl', [...made, '-keyout', key, '-out', certificate]).status).toBe(0);
    const tls = { key: await readFile(key), cert: await readFile(certificate) };
    const hubPort = Number(new URL(server.endpoint).port);
    const secure = createTls(tls, (socket) => {
      const behind = connect(hubPort, '127.0.0.1');
      socket.on('error', () => behind.destroy()).pipe(behind);
      behind.on('error', () => socket.destroy()).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(secure, 'listening');
    try {
      const { port: securePort } = secure.address() as { port: number };
      const env = {
        HF_ENDPOINT: `https://localhost:${securePort}`,
        HTTPS_PROXY: `http://user:pass@127.0.0.1:${port}`,
        NODE_EXTRA_CA_CERTS: certificate,
      };
      const { exitCode, stdout, stderr } = await run(['pull', `hf:${REPO}:Q8_0`], env);
      expect(stderr).toContain('verified');
      expect(exitCode).toBe(0);
      expect((await readFile(stdout.trim())).equals(await readFile(nanoPath('Q2_K')))).toBe(true);
      const log = await readFile(scratch.path('proxy.log'), 'utf8');
      expect(log).toContain(`CONNECT localhost:${securePort}`);
      const wrong = { ...env, HTTPS_PROXY: `http://user:secret@127.0.0.1:${port}` };
      const refused = await run(['pull', `hf:${REPO}:Q8_0`], wrong);
      expect(refused.stderr).toContain(
        `the proxy http://127.0.0.1:${port} (HTTPS_PROXY) answered 401: it wants a user and password`,
      );
      expect(refused.stderr).not.toContain('secret');
    } finally {
      secure.close();
    }
  });

  it('is named where it refuses, is not there, or is left out', async () => {
    const refused = await run(['pull', `hf:${REPO}:Q2_K`], { http_proxy: `http://127.0.0.1:${port}` });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`the proxy http://127.0.0.1:${port} (http_proxy) answered 407`);
    expect(refused.stderr).toContain('http://user:password@');
    const absent = await run(['pull', `hf:${REPO}:Q2_K`], { HTTP_PROXY: 'http://user:secret@127.0.0.1:1' });
    expect(absent.exitCode).toBe(2);
    expect(absent.stderr).toContain(
      'through the proxy http://127.0.0.1:1 (HTTP_PROXY): connect ECONNREFUSED',
    );
    expect(absent.stderr).not.toContain('secret');
    const left = await run(['pull', `hf:${REPO}:Q2_K`], {
      HTTP_PROXY: 'http://127.0.0.1:1',
      NO_PROXY: '127.0.0.1,127.0.0.2',
    });
    expect(left.exitCode).toBe(0);
  });
});

/** One that nothing listened at a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describe('a proxy that says nothing', () => {
  it('does not keep a command that is interrupted', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    for (const variable of ['HTTP_PROXY', 'HTTPS_PROXY']) {
      const scheme = variable === 'HTTP_PROXY' ? 'http' : 'https';
      const asked = once(silent, 'connection');
      let pid = 0;
      const running = quantscope(['variants', 'hf:maker/none'], {
        env: { HF_ENDPOINT: `${scheme}://hub.invalid`, [variable]: `http://127.0.0.1:${port}` },
        onStart: (id) => {
          pid = id;
        },
        timeoutMs: 20_000,
      });
      await asked;
      process.kill(pid, 'SIGINT');
      expect(await running).toMatchObject({ exitCode: 130, signal: null });
    }
    silent.close();
  });
});

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isThere = await new Promise<boolean>((done) => {
    socket.on('connect', () => done(true)).on('error', () => done(false));
  });
  socket.destroy();
  return isThere;
}
