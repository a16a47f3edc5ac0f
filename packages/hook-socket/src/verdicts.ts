/** enum sk_action. */
export const SK_DROP = 0
export const SK_PASS = 1
export const SK_VERDICTS: Readonly<Record<number, string>> = { 0: 'SK_DROP', 1: 'SK_PASS' }
