import { expect, test } from 'vitest'
import { parseJitName } from './jit-name.ts'

// Lines Node 24.21 and CPython 3.12 write.
test.each([
  ['JS:~arrow /srv/app.js:3:15', 'arrow', '/srv/app.js', 3, '[js]'],
  ['JS:*get val /srv/app.js:2:90', 'get val', '/srv/app.js', 2, '[js]'],
  ["JS:*'gen /srv/app.js:5:14", 'gen', '/srv/app.js', 5, '[js]'],
  ['JS:^ /srv/app.js:8:114', '(anonymous)', '/srv/app.js', 8, '[js]'],
  ['JS:+run file:///srv/my app/x.mjs:12:1', 'run', '/srv/my app/x.mjs', 12, '[js]'],
  ['JS:*emit node:events:464:44', 'emit', 'node:events', 464, '[js]'],
  ['LazyCompile:*old /srv/app.js:7', 'old', '/srv/app.js', 7, '[js]'],
  ['Eval:~ /srv/app.js:1:1', '(anonymous)', '/srv/app.js', 1, '[js]'],
  ['JS:wasm-function[210]-210-liftoff', 'wasm-function[210]-210-liftoff', '', 0, '[js]'],
  ['py::Square.area:/srv/busy.py', 'Square.area', '/srv/busy.py', 0, '[python]'],
  [
    'py::<module>:<frozen importlib._bootstrap>',
    '<module>',
    '<frozen importlib._bootstrap>',
    0,
    '[python]',
  ],
  ['Builtin:RecordWriteSaveFP', 'Builtin:RecordWriteSaveFP', '', 0, '[jit]'],
  ['BytecodeHandler:LdaZero', 'BytecodeHandler:LdaZero', '', 0, '[jit]'],
  ['RegExp:a+b', 'RegExp:a+b', '', 0, '[jit]'],
  ['Lcom/example/Main;::run', 'Lcom/example/Main;::run', '', 0, '[jit]'],
])('%s', (text, name, file, line, mapping) => {
  expect(parseJitName(text)).toEqual({ name, file, line, mapping })
})

test('a hostile line takes no time', () => {
  const text = `JS:*${' /a:1'.repeat(800)}x`
  expect(parseJitName(text).mapping).toBe('[js]')
})
