import type { Chip, DeviceProfile } from './profiles.ts';

/**
 * Facts about phones and their chips, each figure with its sources; what nobody has published is absent. An app's
 * budget is what was free for a model when the app had started.
 */
export const CHIPS: Readonly<Record<string, Chip>> = {
  'apple-a14': {
    name: 'Apple A14 Bionic',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 34128000000,
      sources: ['sa-ip14pro'],
      confidence: 'derived',
    },
    metalFamily: {
      value: 'Apple7',
      sources: ['ap-metal', 'ap-fam8', 'a14-log'],
      confidence: 'two-sources',
    },
  },
  'apple-a15': {
    name: 'Apple A15 Bionic',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 34128000000,
      sources: ['sa-ip14pro', 'bl-ip14'],
      confidence: 'derived',
    },
    metalFamily: {
      value: 'Apple8',
      sources: ['ap-metal', 'ap-fam8'],
      confidence: 'one-source',
    },
  },
  'apple-a16': {
    name: 'Apple A16 Bionic',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 51200000000,
      sources: ['sa-ip14pro', 'nb-a18'],
      confidence: 'derived',
    },
    metalFamily: {
      value: 'Apple8',
      sources: ['ap-metal', 'ap-fam8'],
      confidence: 'one-source',
    },
  },
  'apple-a17-pro': {
    name: 'Apple A17 Pro',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 51200000000,
      sources: ['g360-a18', 'nb-a18'],
      confidence: 'derived',
    },
    metalFamily: {
      value: 'Apple9',
      sources: ['ap-metal', 'ap-fam8'],
      confidence: 'one-source',
    },
  },
  'apple-a18': {
    name: 'Apple A18',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 60000000000,
      sources: ['nb-a18', 'g360-a18'],
      confidence: 'derived',
    },
    gpuCores: {
      value: 5,
      sources: ['nb-a18'],
      confidence: 'one-source',
    },
    metalFamily: {
      value: 'Apple9',
      sources: ['ap-metal'],
      confidence: 'one-source',
    },
  },
  'apple-a18-pro': {
    name: 'Apple A18 Pro',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 60000000000,
      sources: ['nb-a18', 'g360-a18'],
      confidence: 'derived',
    },
    gpuCores: {
      value: 6,
      sources: ['nb-a18'],
      confidence: 'one-source',
    },
    metalFamily: {
      value: 'Apple9',
      sources: ['ap-metal'],
      confidence: 'one-source',
    },
  },
  'apple-a19': {
    name: 'Apple A19',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 68264000000,
      sources: ['wp-a19', 'zb-a19', 'pos-a19'],
      confidence: 'two-sources',
    },
    gpuCores: {
      value: 5,
      sources: ['wp-a19', 'zb-a19'],
      confidence: 'two-sources',
    },
    metalFamily: {
      value: 'Apple10',
      sources: ['ap-metal'],
      confidence: 'one-source',
    },
  },
  'apple-a19-pro': {
    name: 'Apple A19 Pro',
    vendor: 'Apple',
    memoryBandwidthBytesPerSecond: {
      value: 76800000000,
      sources: ['wp-a19', 'zb-a19', 'pos-a19'],
      confidence: 'two-sources',
    },
    gpuCores: {
      value: 6,
      sources: ['wp-a19', 'zb-a19'],
      confidence: 'two-sources',
    },
    metalFamily: {
      value: 'Apple10',
      sources: ['ap-metal'],
      confidence: 'one-source',
    },
  },
  'snapdragon-8-gen-2': {
    name: 'Snapdragon 8 Gen 2',
    vendor: 'Qualcomm',
    memoryBandwidthBytesPerSecond: {
      value: 67200000000,
      sources: ['dh-8g3', 'np-8400'],
      confidence: 'derived',
    },
    gpu: {
      value: 'Adreno 740',
      sources: ['tt-8g2'],
      confidence: 'one-source',
    },
  },
  'snapdragon-8-gen-3': {
    name: 'Snapdragon 8 Gen 3',
    vendor: 'Qualcomm',
    memoryBandwidthBytesPerSecond: {
      value: 76800000000,
      sources: ['dh-8g3', 'dp-8e'],
      confidence: 'derived',
    },
    gpu: {
      value: 'Adreno 750',
      sources: ['dp-8e', 'lc-opencl-md'],
      confidence: 'two-sources',
    },
  },
  'snapdragon-8-elite': {
    name: 'Snapdragon 8 Elite',
    vendor: 'Qualcomm',
    memoryBandwidthBytesPerSecond: {
      value: 84800000000,
      sources: ['bm-s25', 'xda-8e'],
      confidence: 'two-sources',
    },
    gpu: {
      value: 'Adreno 830',
      sources: ['dp-8e', 'lc-opencl-md'],
      confidence: 'two-sources',
    },
  },
  'snapdragon-8-elite-gen-5': {
    name: 'Snapdragon 8 Elite Gen 5',
    vendor: 'Qualcomm',
    memoryBandwidthBytesPerSecond: {
      value: 84800000000,
      sources: ['he-8850'],
      confidence: 'one-source',
    },
    gpu: {
      value: 'Adreno 840',
      sources: ['pp-bench-myron', 'tn-8eg5', 'lc-27677'],
      confidence: 'two-sources',
    },
  },
  'snapdragon-7-gen-3': {
    name: 'Snapdragon 7 Gen 3',
    vendor: 'Qualcomm',
    memoryBandwidthBytesPerSecond: {
      value: 25600000000,
      sources: ['an-7g3'],
      confidence: 'one-source',
    },
    gpu: {
      value: 'Adreno 720',
      sources: ['ta-7g3'],
      confidence: 'one-source',
    },
  },
  'dimensity-8400': {
    name: 'MediaTek Dimensity 8400 (8400-Ultra)',
    vendor: 'MediaTek',
    memoryBandwidthBytesPerSecond: {
      value: 68256000000,
      sources: ['np-8400', 'es-8400'],
      confidence: 'two-sources',
    },
    gpu: {
      value: 'Mali-G720 MC7',
      sources: ['np-8400', 'rodin-prof'],
      confidence: 'two-sources',
    },
  },
  'dimensity-8500': {
    name: 'MediaTek Dimensity 8500 (8500-Ultra)',
    vendor: 'MediaTek',
    memoryBandwidthBytesPerSecond: {
      value: 76800000000,
      sources: ['dt-8500', 'ms-8500'],
      confidence: 'derived',
    },
    gpu: {
      value: 'Mali-G720 MC8',
      sources: ['dt-8500', 'klee-mali'],
      confidence: 'two-sources',
    },
  },
  'tensor-g3': {
    name: 'Google Tensor G3',
    vendor: 'Google',
  },
  'tensor-g4': {
    name: 'Google Tensor G4',
    vendor: 'Google',
    gpu: {
      value: 'Mali-G715 MP7',
      sources: ['ad-tg'],
      confidence: 'one-source',
    },
  },
  'tensor-g5': {
    name: 'Google Tensor G5',
    vendor: 'Google',
    gpu: {
      value: 'PowerVR DXT-48-1536',
      sources: ['ad-tg', 'bb-tg5'],
      confidence: 'two-sources',
    },
  },
};

export const DEVICES: readonly DeviceProfile[] = [
  {
    id: 'iphone-12',
    name: 'iPhone 12',
    aliases: [],
    os: 'ios',
    chip: 'apple-a14',
    memoryBytes: {
      value: 4294967296,
      sources: ['mr-ip13ram'],
      confidence: 'one-source',
    },
    appBudgetBytes: {
      value: 2100000000,
      sources: ['ol-38'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 2400000000,
      sources: ['ol-38'],
      confidence: 'one-source',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-13',
    name: 'iPhone 13',
    aliases: [],
    os: 'ios',
    chip: 'apple-a15',
    memoryBytes: {
      value: 4294967296,
      sources: ['mr-ip13ram', 'bl-ip14'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 2100000000,
      sources: ['ol-38'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 2400000000,
      sources: ['ol-38'],
      confidence: 'one-source',
    },
    backends: ['metal'],
    gpuCores: {
      value: 4,
      sources: ['gb-a15', 'nb-a15'],
      confidence: 'two-sources',
    },
  },
  {
    id: 'iphone-13-pro',
    name: 'iPhone 13 Pro',
    aliases: [],
    os: 'ios',
    chip: 'apple-a15',
    memoryBytes: {
      value: 6442450944,
      sources: ['mr-ip13ram', 'pp-pr651'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3124984768,
      sources: ['pp-mem-ip13pro', 'pr-headroom-json'],
      confidence: 'two-sources',
    },
    entitledBudgetBytes: {
      value: 4200000000,
      sources: ['pp-pr651'],
      confidence: 'one-source',
    },
    backends: ['metal'],
    gpuCores: {
      value: 5,
      sources: ['gb-a15', 'nb-a15'],
      confidence: 'two-sources',
    },
  },
  {
    id: 'iphone-14',
    name: 'iPhone 14',
    aliases: [],
    os: 'ios',
    chip: 'apple-a15',
    memoryBytes: {
      value: 6442450944,
      sources: ['bl-ip14', 'sa-ip14pro'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3124984768,
      sources: ['pp-mem-ip13pro', 'pr-headroom-json'],
      confidence: 'two-sources',
    },
    entitledBudgetBytes: {
      value: 4200000000,
      sources: ['pp-pr651'],
      confidence: 'one-source',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-14-pro',
    name: 'iPhone 14 Pro',
    aliases: [],
    os: 'ios',
    chip: 'apple-a16',
    memoryBytes: {
      value: 6442450944,
      sources: ['sa-ip14pro', 'ax-melt-sec'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3124984768,
      sources: ['pp-mem-ip13pro', 'pr-headroom-json'],
      confidence: 'two-sources',
    },
    entitledBudgetBytes: {
      value: 4200000000,
      sources: ['pp-pr651'],
      confidence: 'one-source',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-15',
    name: 'iPhone 15',
    aliases: ['iphone-15-plus'],
    os: 'ios',
    chip: 'apple-a16',
    memoryBytes: {
      value: 6442450944,
      sources: ['pr-readme', 'pr-headroom-json'],
      confidence: 'one-source',
    },
    appBudgetBytes: {
      value: 3124984768,
      sources: ['pp-mem-ip13pro', 'pr-headroom-json'],
      confidence: 'two-sources',
    },
    entitledBudgetBytes: {
      value: 4200000000,
      sources: ['pp-pr651'],
      confidence: 'one-source',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-15-pro',
    name: 'iPhone 15 Pro',
    aliases: [],
    os: 'ios',
    chip: 'apple-a17-pro',
    memoryBytes: {
      value: 8589934592,
      sources: ['a17-log', 'lc-deviceprofile'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 6000000000,
      sources: ['rt-1446', 'af-826325'],
      confidence: 'two-sources',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-16',
    name: 'iPhone 16',
    aliases: [],
    os: 'ios',
    chip: 'apple-a18',
    memoryBytes: {
      value: 8589934592,
      sources: ['wp-a18', 'ps-a18'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 6000000000,
      sources: ['rt-1446', 'af-826325'],
      confidence: 'two-sources',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-16-pro',
    name: 'iPhone 16 Pro',
    aliases: [],
    os: 'ios',
    chip: 'apple-a18-pro',
    memoryBytes: {
      value: 8589934592,
      sources: ['wp-a18'],
      confidence: 'one-source',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 6000000000,
      sources: ['rt-1446', 'af-826325'],
      confidence: 'two-sources',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-17',
    name: 'iPhone 17',
    aliases: [],
    os: 'ios',
    chip: 'apple-a19',
    memoryBytes: {
      value: 8589934592,
      sources: ['wp-a19', 'zb-a19'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'one-source',
    },
    entitledBudgetBytes: {
      value: 6000000000,
      sources: ['rt-1446', 'af-826325'],
      confidence: 'two-sources',
    },
    backends: ['metal'],
  },
  {
    id: 'iphone-17-pro',
    name: 'iPhone 17 Pro',
    aliases: [],
    os: 'ios',
    chip: 'apple-a19-pro',
    memoryBytes: {
      value: 12884901888,
      sources: ['wp-a19', 'yk-llamacpp-gemma'],
      confidence: 'two-sources',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'derived',
      note: 'no figure for 12 GB was found: what 8 GB phones get, as a floor',
    },
    entitledBudgetBytes: {
      value: 6000000000,
      sources: ['rt-1446', 'af-826325'],
      confidence: 'derived',
      note: 'no figure for 12 GB was found: what 8 GB phones get, as a floor',
    },
    backends: ['metal'],
  },
  {
    id: 'galaxy-s23',
    name: 'Samsung Galaxy S23',
    aliases: ['samsung-s23', 'samsung-galaxy-s23', 's23'],
    os: 'android',
    chip: 'snapdragon-8-gen-2',
    memoryBytes: {
      value: 8589934592,
      sources: ['pp-coverage', 'et-3599'],
      confidence: 'two-sources',
    },
    backends: ['cpu', 'opencl', 'hexagon'],
    appBudgetBytes: {
      value: 4200000000,
      sources: ['pp-bench-s23'],
      confidence: 'derived',
      note: 'between the largest load that worked on the 8 GB Galaxy S23 (4.16 GB) and the smallest that failed (4.25 GB)',
    },
  },
  {
    id: 'galaxy-s24',
    name: 'Samsung Galaxy S24 (Snapdragon)',
    aliases: ['samsung-s24', 's24'],
    os: 'android',
    chip: 'snapdragon-8-gen-3',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'galaxy-s25',
    name: 'Samsung Galaxy S25',
    aliases: ['samsung-s25', 's25'],
    os: 'android',
    chip: 'snapdragon-8-elite',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'poco-f8-ultra',
    name: 'POCO F8 Ultra',
    aliases: ['poco-myron', 'myron', 'redmi-k90-pro-max'],
    os: 'android',
    chip: 'snapdragon-8-elite-gen-5',
    backends: ['cpu', 'opencl', 'hexagon'],
    appBudgetBytes: {
      value: 7730941132,
      sources: ['pp-memcheck', 'pp-bench-myron'],
      confidence: 'derived',
      note: '60 % of 12 GiB, PocketPal’s ceiling; 6.42 GB were loaded and nothing failed',
    },
  },
  {
    id: 'poco-x8-pro',
    name: 'POCO X8 Pro',
    aliases: ['poco-x7-klee', 'klee'],
    os: 'android',
    chip: 'dimensity-8500',
    memoryBytes: {
      value: 8589934592,
      sources: ['pp-coverage'],
      confidence: 'one-source',
    },
    backends: ['cpu'],
    appBudgetBytes: {
      value: 4650000000,
      sources: ['pp-bench-klee'],
      confidence: 'derived',
      note: 'between the largest load that worked (4.53 GB) and the smallest that failed (4.77 GB)',
    },
  },
  {
    id: 'poco-x7-pro',
    name: 'POCO X7 Pro',
    aliases: ['rodin'],
    os: 'android',
    chip: 'dimensity-8400',
    memoryBytes: {
      value: 8589934592,
      sources: ['pi-8400', 'rodin-prof'],
      confidence: 'two-sources',
    },
    backends: ['cpu'],
    appBudgetBytes: {
      value: 4200000000,
      sources: ['pp-bench-s23'],
      confidence: 'derived',
      note: 'between the largest load that worked on the 8 GB Galaxy S23 (4.16 GB) and the smallest that failed (4.25 GB)',
    },
  },
  {
    id: 'pixel-8',
    name: 'Google Pixel 8',
    aliases: [],
    os: 'android',
    chip: 'tensor-g3',
    memoryBytes: {
      value: 8589934592,
      sources: ['er-pixel8'],
      confidence: 'one-source',
    },
    backends: ['cpu'],
    appBudgetBytes: {
      value: 4200000000,
      sources: ['pp-bench-s23'],
      confidence: 'derived',
      note: 'between the largest load that worked on the 8 GB Galaxy S23 (4.16 GB) and the smallest that failed (4.25 GB)',
    },
  },
  {
    id: 'pixel-9',
    name: 'Google Pixel 9',
    aliases: [],
    os: 'android',
    chip: 'tensor-g4',
    backends: ['cpu'],
  },
  {
    id: 'pixel-10',
    name: 'Google Pixel 10',
    aliases: [],
    os: 'android',
    chip: 'tensor-g5',
    backends: ['cpu'],
  },
  {
    id: 'android-emulator-arm64',
    name: 'Android emulator, ARM64',
    aliases: ['emulator', 'android-emulator'],
    os: 'android',
    chip: null,
    backends: ['cpu'],
    appBudgetBytes: {
      value: 3990847488,
      sources: ['pp-mem-emu'],
      confidence: 'one-source',
      note: 'what was free in one; its memory is a setting',
    },
    speed: 'an emulator’s speed is its host’s',
  },
  {
    id: 'snapdragon-8-gen-2',
    name: 'a phone with Snapdragon 8 Gen 2',
    aliases: [],
    os: 'android',
    chip: 'snapdragon-8-gen-2',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'snapdragon-8-gen-3',
    name: 'a phone with Snapdragon 8 Gen 3',
    aliases: [],
    os: 'android',
    chip: 'snapdragon-8-gen-3',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'snapdragon-8-elite',
    name: 'a phone with Snapdragon 8 Elite',
    aliases: [],
    os: 'android',
    chip: 'snapdragon-8-elite',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'snapdragon-8-elite-gen-5',
    name: 'a phone with Snapdragon 8 Elite Gen 5',
    aliases: [],
    os: 'android',
    chip: 'snapdragon-8-elite-gen-5',
    backends: ['cpu', 'opencl', 'hexagon'],
  },
  {
    id: 'snapdragon-7-gen-3',
    name: 'a phone with Snapdragon 7 Gen 3',
    aliases: [],
    os: 'android',
    chip: 'snapdragon-7-gen-3',
    backends: ['cpu'],
  },
  {
    id: 'dimensity-8400',
    name: 'a phone with MediaTek Dimensity 8400 (8400-Ultra)',
    aliases: [],
    os: 'android',
    chip: 'dimensity-8400',
    backends: ['cpu'],
  },
  {
    id: 'dimensity-8500',
    name: 'a phone with MediaTek Dimensity 8500 (8500-Ultra)',
    aliases: [],
    os: 'android',
    chip: 'dimensity-8500',
    backends: ['cpu'],
  },
  {
    id: 'tensor-g3',
    name: 'a phone with Google Tensor G3',
    aliases: [],
    os: 'android',
    chip: 'tensor-g3',
    backends: ['cpu'],
  },
  {
    id: 'tensor-g4',
    name: 'a phone with Google Tensor G4',
    aliases: [],
    os: 'android',
    chip: 'tensor-g4',
    backends: ['cpu'],
  },
  {
    id: 'tensor-g5',
    name: 'a phone with Google Tensor G5',
    aliases: [],
    os: 'android',
    chip: 'tensor-g5',
    backends: ['cpu'],
  },
  {
    id: '4gb-phone',
    name: 'any phone with 4 GB',
    aliases: ['4gb'],
    os: null,
    chip: null,
    memoryBytes: {
      value: 4294967296,
      sources: [],
      confidence: 'definition',
    },
    appBudgetBytes: {
      value: 2100000000,
      sources: ['pp-bench-s23'],
      confidence: 'derived',
      note: 'the lower of what iPhones and Android phones of this size give an app',
    },
    backends: ['cpu'],
  },
  {
    id: '6gb-phone',
    name: 'any phone with 6 GB',
    aliases: ['6gb'],
    os: null,
    chip: null,
    memoryBytes: {
      value: 6442450944,
      sources: [],
      confidence: 'definition',
    },
    appBudgetBytes: {
      value: 3124984768,
      sources: ['pp-mem-ip13pro', 'pr-headroom-json'],
      confidence: 'two-sources',
      note: 'the lower of what iPhones and Android phones of this size give an app',
    },
    backends: ['cpu'],
  },
  {
    id: '8gb-phone',
    name: 'any phone with 8 GB',
    aliases: ['8gb'],
    os: null,
    chip: null,
    memoryBytes: {
      value: 8589934592,
      sources: [],
      confidence: 'definition',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'one-source',
      note: 'the lower of what iPhones and Android phones of this size give an app',
    },
    backends: ['cpu'],
  },
  {
    id: '12gb-phone',
    name: 'any phone with 12 GB',
    aliases: ['12gb'],
    os: null,
    chip: null,
    memoryBytes: {
      value: 12884901888,
      sources: [],
      confidence: 'definition',
    },
    appBudgetBytes: {
      value: 3000000000,
      sources: ['rt-1446'],
      confidence: 'derived',
      note: 'the lower of what iPhones and Android phones of this size give an app',
    },
    backends: ['cpu'],
  },
];

/** Where the figures are from, by the ids that they name. */
export const SOURCES: Readonly<Record<string, string>> = {
  'a14-log': 'no address kept: repository file (log)',
  'a17-log': 'no address kept: repository file (report)',
  'ad-tg': 'https://agiledevelopers.net/blog/google-tensor-g4-vs-g5-performance-benchmark',
  'af-826325': 'https://developer.apple.com/forums/thread/826325',
  'an-7g3':
    'http://forumsr.anandtech.com/show/21534/qualcomm-adds-snapdragon-7s-gen-3-midtier-snapdragon-gets-cortexa720-treatment',
  'ap-fam8': 'https://developer.apple.com/documentation/metal/mtlgpufamily',
  'ap-metal': 'https://developer.apple.com/metal/feature-sets/',
  'ax-2603': 'https://arxiv.org/html/2603.23640v1',
  'ax-melt-sec': 'no address kept: secondary',
  'bb-tg5': 'https://beebom.com/google-tensor-g5-spec-leaked-pixel-10/',
  'bl-ip14':
    'https://www.breakinglatest.news/business/iphone-14-or-all-series-6gb-ram-pro-pro-max-upgrade-lpddr5-memory_series_apple_plus/',
  'bm-s25': 'no address kept: repository file',
  'dh-8g3': 'https://droidholic.com/snapdragon-8-gen-3-launched/',
  'dp-8e': 'https://digitpatrox.com/snapdragon-8-elite-vs-8-gen-3-qualcomms-biggest-performance-leap/?amp=1',
  'dt-8500':
    'https://dotekomanie.cz/2026/01/mediatek-predstavil-dimensity-8500-a-dimensity-9500s-pro-mobily/',
  'er-pixel8': 'https://www.expertreviews.co.uk/technology/mobile-phones/google-pixel-8-review',
  'es-8400': 'https://esimstudios.com/2024/12/mediatek-dimensity-8400-is-all-big-core.html',
  'et-3599': 'https://github.com/pytorch/executorch/issues/3599',
  'g360-a18':
    'https://www.gadgets360.com/mobiles/news/apple-iphone-16-series-a18-pro-chipset-details-6530448',
  'gb-a15':
    'https://www.gizbot.com/mobile/news/apple-a15-bionic-explained-most-powerful-yet-efficient-mobile-processor-076772.html',
  'he-8850': 'no address kept: repository file',
  'klee-mali': 'no address kept: repository file',
  'lc-17098': 'https://github.com/ggml-org/llama.cpp/pull/17098',
  'lc-27677': 'https://github.com/ggml-org/llama.cpp/issues/27677',
  'lc-deviceprofile': 'no address kept: repository file',
  'lc-opencl-md':
    'https://github.com/ggml-org/llama.cpp/blob/011a2f68ddd375ac370812d08a8e4266dc118386/docs/backend/OPENCL.md',
  'lr-java':
    'https://github.com/mybigday/llama.rn/blob/638383c6c360318820e06613025c55e62f9d60e5/android/src/main/java/com/rnllama/RNLlama.java',
  'lr-metal':
    'https://github.com/mybigday/llama.rn/blob/638383c6c360318820e06613025c55e62f9d60e5/cpp/ggml-metal/ggml-metal-device.m',
  'lr-opencl':
    'https://github.com/mybigday/llama.rn/blob/638383c6c360318820e06613025c55e62f9d60e5/cpp/ggml-opencl/ggml-opencl.cpp',
  'mr-ip13ram': 'https://www.macrumors.com/2021/09/15/how-much-ram-in-iphone-13/',
  'ms-8500': 'https://manilashaker.com/ms/6pjf',
  'nb-a15': 'http://www.notebookcheck.net/Apple-A15-Bionic-Processor-Benchmarks-and-Specs.562169.0.html',
  'nb-a18':
    'https://www.notebookcheck.net/Apple-A18-and-A18-Pro-announced-with-massive-CPU-and-GPU-performance-gains.886423.0.html',
  'np-8400': 'https://www.nextpit.com/dimensity-8400-turbocharges-the-mid-range-cpu',
  'ol-38': 'https://github.com/allenai/OLMoE.swift/pull/38',
  'pi-8400': 'https://www.punto-informatico.it/mediatek-dimensity-8400-nuovo-chip-per-smartphone/',
  'pos-a19':
    'https://partofstyle.com/a19-pro-vs-a19-the-definitive-breakdown-of-slc-cache-gpu-power-memory-clocks-bandwidth-and-more/',
  'pp-bench-klee':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/benchmark/poco-x7-klee.json',
  'pp-bench-myron':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/benchmark/poco-myron.json',
  'pp-bench-s23':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/benchmark/samsung-s23.json',
  'pp-coverage':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/benchmark/COVERAGE.md',
  'pp-mem-emu':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/memory/pixel-emulator-tts.json',
  'pp-mem-ip13pro':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/e2e/baselines/memory/iphone-13-pro-qwen3-1.7b.json',
  'pp-memcheck':
    'https://github.com/a-ghorbani/pocketpal-ai/blob/a3a4c34f500dc250c429f0007e1ef590f7e437d2/src/hooks/useMemoryCheck.ts',
  'pp-pr651': 'https://github.com/a-ghorbani/pocketpal-ai/pull/651',
  'pr-headroom-json':
    'https://github.com/Umer9538/pocketroofline/blob/013cb5e7fea2bbb2a1014e7785d57f2ad2004327/results/bandwidth/headroom-iPhone15,5-1791162326.json',
  'pr-readme':
    'https://github.com/Umer9538/pocketroofline/blob/013cb5e7fea2bbb2a1014e7785d57f2ad2004327/README.md',
  'ps-a18': 'https://probsee.com/p/apple_a18',
  'rodin-prof': 'no address kept: repository file',
  'rt-1446': 'https://github.com/introlab/rtabmap/pull/1446',
  'sa-ip14pro': 'https://softantenna.com/blog/iphone-14-pro-6gb-lpddr5-memory',
  'sh-csv':
    'https://github.com/singhh5050/ios-llm-benchmarking-results/tree/b59857bb88e96568322e5fd50c51351dd14c7f31/data',
  'ta-7g3':
    'https://www.tuttoandroid.net/news/2023/11/15/qualcomm-snapdragon-7-gen-3-architettura-frequenza-1020664/',
  'tn-8eg5': 'https://www.technetbooks.com/2025/09/snapdragon-8-elite-gen-5-announced-with.html',
  'tt-8g2':
    'https://www.thetechnoclast.com/2022/11/19/snapdragon-8-gen-2-gets-announced-to-power-2023-flagship-phones/print/',
  'wp-a18': 'https://en.wikipedia.org/wiki/Apple_A18',
  'wp-a19': 'https://en.wikipedia.org/wiki/Apple_A19',
  'xda-8e': 'https://www.xda-developers.com/qualcomm-snapdragon-8-elite/',
  'yk-energy-gemma':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/results/raw/iphone17pro-mlx-swift-gemma-4-e2b-energy-tg128.jsonl',
  'yk-energy-llama3b':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/results/raw/2026-06-25-comprehensive/energy_llama_jsons',
  'yk-energy-method':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/methodology/energy-ios.md',
  'yk-energy-qwen4b':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/results/raw/2026-06-25-comprehensive/energy_qwen4b_jsons',
  'yk-llamacpp-gemma':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/results/raw/iphone17pro-llama-cpp-gemma-4-e2b-short-chat-run2.jsonl',
  'yk-llamacpp-qwen':
    'https://github.com/john-rocky/apple-silicon-llm-bench/blob/93ef5877d08d6727e95964252846eeebfc23b986/results/raw/iphone17pro-llama-cpp-qwen3.5-2b-short-chat-run2.jsonl',
  'zb-a19': 'https://inews.zoombangla.com/a19-pro-vs-a19-specs',
};
