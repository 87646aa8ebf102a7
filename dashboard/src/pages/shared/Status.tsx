import { Badge, type Tone } from '@/ui/Badge'
import { useSpeech } from '@/words/language'
import type { Phrase } from '@/words/german'

const STATUSES: Readonly<Record<string, readonly [Tone, Phrase]>> = {
  active: ['good', 'Active'],
  inactive: ['calm', 'Inactive'],
  archived: ['calm', 'Archived'],
  enabled: ['good', 'Enabled'],
  disabled: ['calm', 'Disabled'],
  trialing: ['accent', 'On trial'],
  past_due: ['bad', 'Past due'],
  paused: ['warn', 'Paused'],
  canceled: ['calm', 'Canceled'],
  incomplete: ['warn', 'Incomplete'],
  incomplete_expired: ['calm', 'Expired'],
  unpaid: ['bad', 'Unpaid'],
  draft: ['calm', 'Draft'],
  open: ['accent', 'Open'],
  paid: ['good', 'Paid'],
  void: ['calm', 'Void'],
  uncollectible: ['bad', 'Uncollectible'],
  succeeded: ['good', 'Delivered'],
  failed: ['bad', 'Failed'],
  pending: ['warn', 'Pending'],
}

/** The state of an object; what has no word of ours keeps the API's. */
export function Status({ of }: { of: string }) {
  const { t } = useSpeech()
  const known = STATUSES[of]
  return known ? <Badge tone={known[0]}>{t(known[1])}</Badge> : <Badge>{of}</Badge>
}
