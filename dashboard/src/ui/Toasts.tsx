import { createContext, useCallback, useContext, useState, type ReactNode } from 'react'
import { ApiError } from '@/api/error'
import { useSpeech } from '@/words/language'
import { Button } from './Button'

interface Toast {
  readonly id: number
  readonly text: string
  readonly isError: boolean
}

interface Say {
  (text: string): void
  /** What was refused, with its request id; it stays until it is closed. */
  error(error: Error): void
}

const ToastContext = createContext<Say | null>(null)
const SHOWN_MS = 4000
let last = 0

export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useSpeech()
  const [toasts, setToasts] = useState<readonly Toast[]>([])
  const remove = useCallback(
    (id: number) => setToasts((old) => old.filter((toast) => toast.id !== id)),
    [],
  )
  const [say] = useState<Say>(() => {
    const add = (text: string, isError: boolean): void => {
      const toast = { id: ++last, text, isError }
      setToasts((old) => [...old.slice(-2), toast])
      if (!isError) setTimeout(() => remove(toast.id), SHOWN_MS)
    }
    const named = (error: Error): string =>
      error instanceof ApiError && error.requestId
        ? `${error.message} (${error.requestId})`
        : error.message
    return Object.assign((text: string) => add(text, false), {
      error: (error: Error) => add(named(error), true),
    })
  })
  return (
    <ToastContext value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={toast.isError ? 'toast bad' : 'toast'}>
            <span>{toast.text}</span>
            <Button
              kind="quiet"
              small
              icon="close"
              aria-label={t('Close')}
              onClick={() => remove(toast.id)}
            />
          </div>
        ))}
      </div>
    </ToastContext>
  )
}

export function useSay(): Say {
  const say = useContext(ToastContext)
  if (!say) throw new Error('no ToastProvider around this')
  return say
}
