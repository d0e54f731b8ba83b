#!/usr/bin/env bash
# Expected: a wrong use of a typed package fails to compile.
# Seen with @huggingface/jinja 0.5.11 (npm) and TypeScript 5.9.3, module nodenext, skipLibCheck as in most projects: the
# package's declarations import each other without the file ending that nodenext asks for, so what comes from its other
# files (the parsed program, the tokens, the interpreter's values) is `any`. A program tree assigned to a number compiles; what is declared in the
# entry file itself, as the result of render, is still checked. Without skipLibCheck the package's own files fail.
# Why it matters: a chat template's tree is walked by code that the compiler no longer checks.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/jinja@0.5.11 typescript@5.9.3
echo "import { Template } from '@huggingface/jinja'; export const wrong: number = new Template('a').parsed;" > tree.mts
echo "import { Template } from '@huggingface/jinja'; export const wrong: number = new Template('a').render({});" > text.mts
compile() { npx tsc --noEmit --strict --target es2022 --module nodenext "$@" >log && echo compiles || grep -o 'TS[0-9]*' log | sort -u | tr '\n' ' '; }
seen="tree: $(compile --skipLibCheck tree.mts); text: $(compile --skipLibCheck text.mts); checked: $(compile tree.mts)"
echo "$seen"
[[ $seen == 'tree: compiles; text: TS2322 ; checked: TS2834 ' ]] || { echo 'changed'; exit 1; }
