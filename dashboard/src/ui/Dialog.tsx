import { useLayoutEffect, useRef, type ReactNode } from 'react'
import { useSpeech } from '@/words/language'
import { Button } from './Button'

interface DialogProps {
  readonly title: string
  readonly close: () => void
  readonly wide?: boolean
  readonly children: ReactNode
}

/** A question on top of the page. The browser keeps the focus inside, and closes it on Escape. */
export function Dialog({ title, close, wide = false, children }: DialogProps) {
  const { t } = useSpeech()
  const ref = useRef<HTMLDialogElement>(null)
  // Closed while it still stands in the page, it gives the focus back to where it was.
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      className={wide ? 'dialog wide' : 'dialog'}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onMouseDown={(event) => event.target === ref.current && close()}
    >
      <div className="dialog-body">
        <div className="dialog-head">
          <h2>{title}</h2>
          <Button kind="quiet" icon="close" aria-label={t('Close')} onClick={close} />
        </div>
        {children}
      </div>
    </dialog>
  )
}
