import { useSyncExternalStore } from 'react'

const TICK_MS = 10_000
const listeners = new Set<() => void>()
let ticks = 0
let timer: number | undefined

function subscribe(tell: () => void): () => void {
  listeners.add(tell)
  timer ??= window.setInterval(() => {
    ticks += 1
    listeners.forEach((one) => one())
  }, TICK_MS)
  return () => {
    listeners.delete(tell)
    if (listeners.size > 0) return
    window.clearInterval(timer)
    timer = undefined
  }
}

const silent = (): (() => void) => () => undefined

/** Renders anew every few seconds, so that "5 seconds ago" does not stay so. One timer for all. */
export function useTick(isWanted: boolean): void {
  useSyncExternalStore(isWanted ? subscribe : silent, () => ticks)
}
