import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useLocation } from 'wouter'
import { useSpeech } from '@/words/language'
import { Icon } from '@/ui/Icon'
import { pageOf } from './pageOf'

/** Takes an id from anywhere, a log or a webhook, to its page. `/` puts the cursor here. */
export function GoTo() {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const [isUnknown, setUnknown] = useState(false)
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof HTMLElement && event.target.matches('input, textarea, select')
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])

  const onSubmit = (event: FormEvent): void => {
    event.preventDefault()
    const page = pageOf(input.current?.value.trim() ?? '')
    setUnknown(page === null)
    if (page === null || !input.current) return
    input.current.value = ''
    go(page)
  }

  return (
    <form className="goto" role="search" onSubmit={onSubmit}>
      <Icon name="search" size={14} />
      <input
        ref={input}
        type="search"
        aria-label={t('Go to an id')}
        placeholder={t('Go to an id')}
        aria-invalid={isUnknown}
        autoComplete="off"
        spellCheck={false}
        onInput={() => setUnknown(false)}
      />
      <kbd>/</kbd>
      {isUnknown && (
        <p className="refusal" role="alert">
          {t('This is no id that has a page.')}
        </p>
      )}
    </form>
  )
}
