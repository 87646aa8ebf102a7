import { useEffect, type ReactNode } from 'react'
import { useSpeech } from '@/words/language'
import { Mark } from './Mark'

/** A page before the sign-in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  const { language, choose } = useSpeech()
  useEffect(() => {
    document.title = `${title} · Tripmeter`
  }, [title])
  return (
    <main className="door">
      <div className="door-sheet">
        <Mark />
        <h1>{title}</h1>
        {children}
      </div>
      <button
        type="button"
        className="button quiet small"
        lang={language === 'de' ? 'en' : 'de'}
        onClick={() => choose(language === 'de' ? 'en' : 'de')}
      >
        {language === 'de' ? 'English' : 'Deutsch'}
      </button>
    </main>
  )
}
