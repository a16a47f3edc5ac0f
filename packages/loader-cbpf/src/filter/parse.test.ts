import { describe, expect, it } from 'vitest'
import { FilterError } from './filter-error.ts'
import { generateFilter } from './generate.ts'
import { DEEPEST_ENCAPSULATION } from './generate-encapsulation.ts'
import { LONGEST_EXPRESSION } from './lexer.ts'
import { DEEPEST_TREE, parseExpression } from './parse.ts'
import { DEEPEST_NESTING } from './token-stream.ts'

const refusal = (text: string, options = {}): FilterError => {
  try {
    generateFilter(text, options)
  } catch (error) {
    if (error instanceof FilterError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

/** The tree without its places in the text. */
const tree = (text: string): unknown =>
  JSON.parse(
    JSON.stringify(parseExpression(text) ?? null, (key, value) => (/span/i.test(key) ? undefined : value)),
  )

const same = (left: string, right: string): void => expect(tree(left), left).toEqual(tree(right))

describe('parseExpression', () => {
  it('joins from left to right, and binds not to what follows', () => {
    same('ip and arp or tcp and udp', '((ip and arp) or tcp) and udp')
    same('ip or arp or tcp', 'ip || arp || tcp')
    same('not ip and arp', '(!ip) && arp')
    same('not (ip and arp)', '!(ip&&arp)')
    expect(tree('not ip and arp')).not.toEqual(tree('not (ip and arp)'))
    expect(tree('ip or arp and tcp')).not.toEqual(tree('ip or (arp and tcp)'))
  })

  it('gives an address the qualifiers of the one before', () => {
    same('tcp dst port 80 or 443', 'tcp dst port 80 or tcp dst port 443')
    same('host a and b or not c', 'host a and host b or not host c')
    same('port (80 or 443) or 53', '(port 80 or port 443) or port 53')
    same('host 1.2.3.4 and (1.2.3.5 or not 1.2.3.6)', 'host 1.2.3.4 and (host 1.2.3.5 or not host 1.2.3.6)')
    same('port 80 and (udp port 53) or 90', 'port 80 and udp port 53 or port 90')
    same(
      'net 10.0.0.0/8 or 192.168.0.0 mask 255.255.0.0',
      'net 10.0.0.0/8 or net 192.168.0.0 mask 255.255.0.0',
    )
  })

  it('knows every spelling of a word', () => {
    same('ether host 02:00:00:00:00:01', 'wlan host 02:00:00:00:00:01')
    same('address2 02:00:00:00:00:01', 'addr2 02:00:00:00:00:01')
    same('length == 5', 'len=5')
    same('on em0 and ruleset x and rulenum 1 and subrulenum 2', 'ifname em0 and rset x and rnr 1 and srnr 2')
    same('es-is or is-is', 'esis or isis')
    same('lsu', 'lssu')
    same('tcp[tcpflags]&tcp-syn!=0', 'tcp[13] & 2 != 0')
    same('ip[0x10]=017', 'ip[16] = 15')
    same('host \\tcp', 'host \\tcp')
  })

  it('calculates as the grammar of libpcap has it', () => {
    same('len+2*3 - 1=0', '((len+(2*3))-1)=0')
    same('len|2&3<<1=0', '(len|(2&(3<<1)))=0')
    same('len % 3 + 4 = 0', '(len % (3 + 4)) = 0')
    same('len * 2 ^ 3 * 4 | 1 = 0', '(len * (2 ^ ((3 * 4) | 1))) = 0')
    same('-len + 2 = 0', '(-len) + 2 = 0')
    same('- - len = 0', '-(-len) = 0')
    same('((len)) + (1) = (2)', 'len + 1 = 2')
  })

  it('takes nothing for every packet', () => {
    for (const text of ['', '  \t\n']) {
      expect(generateFilter(text)).toEqual({ condition: { op: 'true' }, variables: 0, snaplen: 262144 })
    }
  })
})

describe('what is refused', () => {
  it.each([
    // expression, code, the word, part of the message
    ['tcp port 80 adn host a', 'SYNTAX', 'adn', "did you mean 'and'"],
    ['tpc port 80', 'BAD_QUALIFIER', 'tpc', "did you mean 'tcp'"],
    ['port 80 or', 'SYNTAX', '', 'ends here'],
    ['(ip or arp', 'SYNTAX', '', "')'"],
    ['ip)', 'SYNTAX', ')', 'end of the expression'],
    ['80', 'BAD_QUALIFIER', '80', "'port 80'"],
    ['1.2.3.4', 'BAD_QUALIFIER', '1.2.3.4', "'host 1.2.3.4'"],
    ['tcp or 443', 'BAD_QUALIFIER', '443', "'port 443'"],
    ['host tcp', 'SYNTAX', 'tcp', '\\tcp'],
    ['port (80 or tcp)', 'SYNTAX', 'tcp', 'addresses'],
    ['host ((1.2.3.4 or 1.2.3.5))', 'SYNTAX', '1.2.3.4 or 1.2.3.5', 'parenthes'],
    ['len + 3-1 = 5', 'SYNTAX', '3-1', 'spaces around'],
    ['len-14 > 5', 'BAD_QUALIFIER', 'len-14', 'spaces around'],
    ['len + 5', 'SYNTAX', '', 'comparison'],
    ['ip[0:3] = 1', 'BAD_VALUE', '3', '1, 2 or 4'],
    ['esp[0] = 1', 'BAD_QUALIFIER', 'esp', 'cannot be loaded'],
    ['len / 0 = 1', 'BAD_VALUE', '0', 'division by 0'],
    ['host 1.2.3.256', 'BAD_ADDRESS', '1.2.3.256', '255'],
    ['net 10.1.0.0/8', 'BAD_ADDRESS', '10.1.0.0/8', 'the network is 10.0.0.0'],
    ['host 10.0.0.0/8', 'BAD_QUALIFIER', '10.0.0.0/8', "'net'"],
    ['net 10.0.0.0/33', 'BAD_VALUE', '10.0.0.0/33', '0 to 32'],
    ['host 1:2:3', 'BAD_ADDRESS', '1:2:3', 'six bytes'],
    ['host ::1.2.3.400', 'BAD_ADDRESS', '::1.2.3.400', 'IPv6'],
    ['ip host ::1', 'BAD_QUALIFIER', '::1', "'ip6'"],
    ['port 70000', 'BAD_VALUE', '70000', '65535'],
    ['tcp port tftp', 'BAD_QUALIFIER', 'tftp', "'udp port'"],
    ['port nosuch', 'UNKNOWN_NAME', 'nosuch', 'unknown'],
    ['host example', 'UNKNOWN_NAME', 'example', 'resolver with host()'],
    ['icmp port 8', 'BAD_QUALIFIER', 'icmp port', 'no ports'],
    ['ether', 'BAD_QUALIFIER', 'ether', 'alone'],
    ['vlan 4096', 'BAD_VALUE', 'vlan 4096', '0 to 4095'],
    ['mpls and arp', 'UNSUPPORTED', 'arp', 'MPLS'],
    ['inbound', 'UNSUPPORTED', 'inbound', 'file'],
    ['type mgt', 'UNSUPPORTED', 'type mgt', 'EN10MB'],
    ['ip broadcast', 'BAD_OPTION', 'ip broadcast', 'netmask'],
    ['ip.src == 10.0.0.1', 'BAD_QUALIFIER', 'ip.src', "display filter's word; write 'src host'"],
    ['port 80,443', 'UNEXPECTED_CHARACTER', ',', 'port 80 or 443'],
    ['port 80-90', 'UNKNOWN_NAME', '80-90', "'portrange 80-90'"],
    ['tcp[tcpflags] == syn', 'SYNTAX', 'syn', "'tcp-syn'"],
    ['ether host 2:0:0:0:01', 'BAD_ADDRESS', '2:0:0:0:01', 'six bytes'],
    ['icmp type 8', 'UNSUPPORTED', 'icmp type 8', 'icmp[icmptype]'],
    ['https', 'BAD_QUALIFIER', 'https', "write 'port https'"],
    ['09', 'BAD_NUMBER', '09', 'octal'],
    ['len > 4294967296', 'BAD_NUMBER', '4294967296', '4294967295'],
    ['tcp # udp', 'UNEXPECTED_CHARACTER', '#', 'begins with'],
    ['tcp and 💥', 'UNEXPECTED_CHARACTER', '💥', 'begins with'],
  ])('%s', (text, code, word, message) => {
    const error = refusal(text)
    expect(error).toMatchObject({ name: 'FilterError', code, word, text })
    expect(text.slice(error.offset, error.offset + error.length)).toBe(word)
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/^column \d+: [^\n]+$/)
    const [shown, marks] = error.caret.split('\n')
    expect(shown).toBe(text)
    expect(marks).toBe(' '.repeat(error.offset) + '^'.repeat(Math.max(1, word.length)))
  })

  it('shows only what is around the word', () => {
    const error = refusal(`${'ip or '.repeat(100)}nosuch`)
    expect(error.word).toBe('nosuch')
    const [shown, marks] = error.caret.split('\n')
    expect(shown!.length).toBeLessThan(160)
    expect(shown!.slice(marks!.indexOf('^'), marks!.length)).toBe('nosuch')
  })

  it('says which options are wrong', () => {
    expect(refusal('ip', { linkType: 2 })).toMatchObject({ code: 'UNSUPPORTED' })
    expect(refusal('ip', { linkType: 1.5 })).toMatchObject({ code: 'UNSUPPORTED' })
    expect(refusal('ip', { snaplen: 0 })).toMatchObject({ code: 'BAD_OPTION' })
  })

  it('has bounds', () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}ip${')'.repeat(depth)}`
    expect(() => generateFilter(nested(DEEPEST_NESTING - 2))).not.toThrow()
    expect(refusal(nested(DEEPEST_NESTING + 1))).toMatchObject({ code: 'TOO_DEEP' })
    expect(() => generateFilter(`${'geneve and '.repeat(12)}ip`)).not.toThrow()
    expect(refusal(`${'geneve and '.repeat(60)}ip`)).toMatchObject({ code: 'TOO_DEEP', word: 'geneve' })
    const tags = (count: number): string => `${'vlan and '.repeat(count)}ip`
    expect(() => generateFilter(tags(DEEPEST_ENCAPSULATION))).not.toThrow()
    expect(refusal(tags(DEEPEST_ENCAPSULATION + 1))).toMatchObject({ code: 'TOO_DEEP', word: 'vlan' })
    expect(refusal('! '.repeat(DEEPEST_NESTING + 1))).toMatchObject({ code: 'TOO_DEEP' })
    expect(refusal(`${'-'.repeat(5000)}1 = 1`)).toMatchObject({ code: 'TOO_DEEP' })
    expect(refusal(`len${'+1'.repeat(5000)} = 1`)).toMatchObject({ code: 'TOO_DEEP' })
    expect(refusal(`ip[${'ip['.repeat(5000)}`)).toMatchObject({ code: 'TOO_DEEP' })
    expect(refusal(`ip${' or ip and ip'.repeat(DEEPEST_TREE)}`)).toMatchObject({ code: 'TOO_DEEP' })
    expect(refusal('a'.repeat(LONGEST_EXPRESSION + 1))).toMatchObject({ code: 'TOO_LONG' })
    const long = 'ip or '.repeat(10000)
    expect(generateFilter(`${long}ip`).condition.op).toBe('any')
  })
})
