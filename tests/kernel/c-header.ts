import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BPF = fileURLToPath(new URL('../../bpf/', import.meta.url))

/** Values of C expressions over a header of bpf/, as the host's compiler sees them. */
export function evaluate(
  header: string,
  expressions: readonly string[],
  directory: string,
): number[] {
  const prints = expressions.map((e) => `printf("%lld\\n", (long long)(${e}));`).join('\n')
  const source = join(directory, 'layout.c')
  const headers = `#include <stddef.h>\n#include <stdio.h>\n#include "${header}"`
  writeFileSync(source, `${headers}\nint main(void) {\n${prints}\n}\n`)
  execFileSync('cc', ['-I', BPF, '-o', join(directory, 'layout'), source])
  const output = execFileSync(join(directory, 'layout'), { encoding: 'utf8' })
  return output.trim().split('\n').map(Number)
}

/** The C form of a camelCase name. */
export function snake(name: string): string {
  return name.replace(/[A-Z]|(?<=Fp|Sp)8/g, (c) => `_${c.toLowerCase()}`)
}
