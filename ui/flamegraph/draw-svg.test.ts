import { describe, expect, it } from 'vitest'
import { escapeXml } from './draw-svg.ts'

describe('escapeXml', () => {
  it('leaves nothing of markup and nothing XML forbids', () => {
    expect(escapeXml('<a href="x">&\u0000\u000b\ud800</a>')).toBe(
      '&lt;a href=&quot;x&quot;&gt;&amp;\ufffd\ufffd\ufffd&lt;/a&gt;',
    )
  })
})
