/** A variable of the product's own. */
interface Variable {
  readonly name: string;
  readonly meaning: string;
  /** The option that it stands for where that is not given: it comes before a config file. */
  readonly option?: string;
}

/** What the environment may say. The Hub's variables (HF_HOME, HF_TOKEN and so on) are those of Hugging Face. */
export const ENVIRONMENT: readonly Variable[] = [
  { name: 'QUANTSCOPE_CATALOGUE', meaning: 'a JSON file of models by name (schema/catalogue.json)' },
  {
    name: 'QUANTSCOPE_DEVICES',
    meaning: 'a JSON file of phones (schema/devices.json), as --devices',
    option: 'devices',
  },
  { name: 'QUANTSCOPE_ENGINE', meaning: 'which build of llama.cpp runs: auto, prebuilt or local' },
  { name: 'QUANTSCOPE_SHARD', meaning: 'i/n, for --shard auto' },
  { name: 'QUANTSCOPE_DEBUG', meaning: '1 prints the stack of an error' },
  { name: 'LLAMA_CACHE, HF_HUB_CACHE, HF_HOME', meaning: 'where models are kept, the first that is set' },
  { name: 'HF_TOKEN, HF_ENDPOINT', meaning: 'the token that the Hub is asked with, and the Hub’s address' },
  { name: 'HF_HUB_OFFLINE', meaning: '1 uses only what is in the cache' },
  { name: 'HF_HUB_ETAG_TIMEOUT', meaning: 'seconds to wait for the Hub where the cache will do (10)' },
  {
    name: 'HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY',
    meaning: 'the proxy, as http://user:password@host:port',
  },
  { name: 'NO_COLOR, FORCE_COLOR', meaning: 'plain or colored output, to a terminal or not' },
];
