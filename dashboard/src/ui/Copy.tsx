import { useEffect, useState, type ReactNode } from 'react'
import { useSpeech } from '@/words/language'
import { Icon } from './Icon'

const SHOWN_MS = 1500

function useCopy(text: string): readonly [boolean, () => void] {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return undefined
    const timer = setTimeout(() => setCopied(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isCopied])
  return [isCopied, () => void navigator.clipboard?.writeText(text).then(() => setCopied(true))]
}

/** An id, or another text that people carry elsewhere. */
export function Copyable({ text, shown = text }: { text: string; shown?: string }) {
  const { t } = useSpeech()
  const [isCopied, copy] = useCopy(text)
  return (
    <button type="button" className="copyable" onClick={copy} title={t('Copy')}>
      <code>{shown}</code>
      <Icon name={isCopied ? 'check' : 'copy'} size={13} />
      <span className="hidden" role="status">
        {isCopied ? t('Copied') : ''}
      </span>
    </button>
  )
}

interface CodeProps {
  readonly text: string
  readonly label: string
  /** The text as it is shown, if it is coloured. */
  readonly children?: ReactNode
}

/** Lines to run or to read, ready to copy. */
export function Code({ text, label, children = text }: CodeProps) {
  const { t } = useSpeech()
  const [isCopied, copy] = useCopy(text)
  return (
    <div className="code">
      <pre tabIndex={0} aria-label={label}>
        {children}
      </pre>
      <button type="button" className="button quiet small" onClick={copy} aria-label={t('Copy')}>
        <Icon name={isCopied ? 'check' : 'copy'} />
      </button>
    </div>
  )
}
