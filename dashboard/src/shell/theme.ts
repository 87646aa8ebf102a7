import { useSyncExternalStore } from 'react'
import { remember } from '@/lib/storage'

type Theme = 'light' | 'dark' | null

const listeners = new Set<() => void>()
const system = matchMedia('(prefers-color-scheme: dark)')

function chosen(): Theme {
  const theme = document.documentElement.dataset['theme']
  return theme === 'light' || theme === 'dark' ? theme : null
}

function choose(theme: Theme): void {
  if (theme) document.documentElement.dataset['theme'] = theme
  else delete document.documentElement.dataset['theme']
  remember('theme', theme)
  listeners.forEach((tell) => tell())
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell)
  system.addEventListener('change', tell)
  return () => {
    listeners.delete(tell)
    system.removeEventListener('change', tell)
  }
}

/** The theme that was chosen; null follows the system. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(subscribe, chosen), choose]
}
