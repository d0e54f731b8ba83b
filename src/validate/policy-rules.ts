import { createHash } from 'node:crypto';
import { getString, parameterCount, quantizationLabel } from '../gguf/index.ts';
import type { Policy } from '../schema/validation.ts';
import { dimensionsOf } from './architecture-dimensions.ts';
import { type FileUnderTest, statedSha256 } from './file-under-test.ts';
import { atKey, quoted } from './finding.ts';
import type { Checks } from './rule.ts';

/** Bytes of one element of an f16 KV cache, llama.cpp's default. */
const CACHE_ELEMENT_BYTES = 2;

/** The group policy: what a project accepts, beyond what is valid. */
export const POLICY_RULES: Checks = {
  *'policy/architecture'(file) {
    if (!applies(file)) return;
    const { policy, architecture } = file;
    if (policy.architectures === undefined) return;
    if (architecture !== undefined && policy.architectures.includes(architecture)) return;
    yield atKey(
      file,
      'general.architecture',
      `architecture ${architecture ?? 'unknown'}, the policy allows ${policy.architectures.join(', ')}`,
    );
  },
  *'policy/quantization'(file) {
    if (!applies(file) || file.header === null) return;
    const { policy, header } = file;
    const { label } = quantizationLabel(header, file.name);
    if (policy.quantizations !== undefined && !policy.quantizations.includes(label)) {
      yield { message: `quantization ${label}, the policy allows ${policy.quantizations.join(', ')}` };
    }
    const types = new Set<string>(file.tensors.map(({ type }) => type));
    const others = [...types].filter((type) => policy.tensorTypes?.includes(type) === false);
    if (others.length > 0)
      yield { message: `tensors of ${others.join(', ')}, which the policy does not allow` };
  },
  *'policy/size'(file) {
    const { policy, fileBytes, tensors } = file;
    if (policy === null) return;
    const { minFileBytes, maxFileBytes, maxParameters } = policy;
    if (maxFileBytes !== undefined && fileBytes > maxFileBytes) {
      yield { message: `${fileBytes} bytes, the policy allows ${maxFileBytes}` };
    }
    if (minFileBytes !== undefined && fileBytes < minFileBytes) {
      yield { message: `${fileBytes} bytes, the policy asks for ${minFileBytes}` };
    }
    const parameters = parameterCount({ tensors });
    if (maxParameters !== undefined && parameters > maxParameters) {
      yield { message: `${parameters} parameters, the policy allows ${maxParameters}` };
    }
  },
  *'policy/memory'(file) {
    const limit = file.policy?.maxMemory;
    if (limit === undefined || !applies(file)) return;
    const dimensions = dimensionsOf(file);
    if (dimensions === undefined) {
      yield { message: 'the memory it needs cannot be estimated: the header lacks lengths or head counts' };
      return;
    }
    const { layers, kvHeads, keyLength, valueLength } = dimensions;
    const weights = file.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const cache = layers * limit.contextSize * kvHeads * (keyLength + valueLength) * CACHE_ELEMENT_BYTES;
    if (weights + cache <= limit.bytes) return;
    const message = `${weights} bytes of weights and ${cache} of KV cache at ${limit.contextSize} tokens, the policy allows ${limit.bytes}`;
    yield { message };
  },
  *'policy/license'(file) {
    const allowed = file.policy?.licenses;
    if (allowed === undefined || !applies(file)) return;
    const license = getString(file.scan, 'general.license');
    if (license !== undefined && allowed.some((one) => one.toLowerCase() === license.toLowerCase())) return;
    const got = license === undefined ? 'no license is stated' : `license ${quoted(license)}`;
    yield atKey(file, 'general.license', `${got}, the policy allows ${allowed.join(', ')}`);
  },
  *'policy/key'(file) {
    const { policy, header } = file;
    if (policy === null || header === null || file.kind === 'later-shard') return;
    for (const key of policy.requiredKeys ?? []) {
      if (!header.metadata.has(key)) yield { message: `the key ${quoted(key)} is absent`, key };
    }
    for (const key of policy.forbiddenKeys ?? []) {
      if (header.metadata.has(key)) yield atKey(file, key, `the key ${quoted(key)} is there`);
    }
  },
  *'policy/sha256'({ policy, content, origin }) {
    if (policy?.sha256 === undefined || content?.sha256 === null) return;
    const actual = content?.sha256 ?? statedSha256(origin);
    if (policy.sha256.some((known) => known.toLowerCase() === actual)) return;
    const what = content === null ? 'the SHA-256 that the Hub states,' : 'SHA-256';
    yield {
      message:
        actual === undefined
          ? 'the SHA-256 is not known: the file was not read, and nobody states one'
          : `${what} ${actual} is not one of the ${policy.sha256.length} known ones`,
    };
  },
  *'policy/chat-template'(file) {
    const allowed = file.policy?.chatTemplates;
    if (allowed === undefined) return;
    for (const [key, { text }] of file.templates) {
      const actual = createHash('sha256').update(text, 'utf8').digest('hex');
      if (!allowed.some((known) => known.toLowerCase() === actual)) {
        yield atKey(file, key, `${key} has the SHA-256 ${actual}, none of the known ones`);
      }
    }
  },
  *'policy/manifest'({ policy, manifest, name }) {
    if (policy?.requireManifest === true && (manifest === null || manifest === 'absent')) {
      yield { message: `there is no ${name}.manifest.json beside the file` };
    }
  },
};

/** A policy about models says nothing of a projector beside one, and nothing twice of a model in shards. */
function applies(file: FileUnderTest): file is FileUnderTest & { readonly policy: Policy } {
  return (
    file.policy !== null && file.header !== null && file.kind !== 'later-shard' && file.kind !== 'companion'
  );
}
