#!/usr/bin/env node
// CommonJS, see package.json beside it: starting it does not take Node's loader of ES modules.
require('node:module').enableCompileCache?.();
require('../dist/cli.cjs');
