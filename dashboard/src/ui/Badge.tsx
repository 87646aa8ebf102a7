import type { ReactNode } from 'react'

export type Tone = 'calm' | 'good' | 'line' | 'warn' | 'bad' | 'accent'

export function Badge({ tone = 'calm', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>
}
