import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { remember, remembered } from '@/lib/storage'
import { german, type Phrase } from './german'

export type Language = 'en' | 'de'
export type Values = Readonly<Record<string, string | number>>

/** The words and forms of one language. */
export interface Speech {
  readonly language: Language
  /** For `Intl`: the person's own region if it speaks the language. */
  readonly locale: string
  /** A phrase in the language, with `{name}` filled in. */
  t(phrase: Phrase, values?: Values): string
  /** One phrase for one, another for many, which has `{n}`. */
  tn(n: number, one: Phrase, many: Phrase): string
  choose(language: Language): void
}

const SpeechContext = createContext<Speech | null>(null)

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const speech = useMemo(() => speechIn(language, setLanguage), [language])
  return <SpeechContext value={speech}>{children}</SpeechContext>
}

export function useSpeech(): Speech {
  const speech = useContext(SpeechContext)
  if (!speech) throw new Error('no LanguageProvider around this')
  return speech
}

/** The chosen language, or else the first of the browser's that we speak. */
function firstLanguage(): Language {
  const chosen = remembered('language')
  if (chosen === 'en' || chosen === 'de') return chosen
  return navigator.languages.find((one) => /^(en|de)\b/.test(one))?.startsWith('de') ? 'de' : 'en'
}

export function speechIn(language: Language, set: (language: Language) => void): Speech {
  const locale = navigator.languages.find((one) => one.startsWith(`${language}-`)) ?? language
  const t = (phrase: Phrase, values: Values = {}): string =>
    fill(language === 'de' ? german[phrase] : phrase, values)
  return {
    language,
    locale,
    t,
    tn: (n, one, many) =>
      n === 1 ? t(one) : t(many, { n: new Intl.NumberFormat(locale).format(n) }),
    choose: (next) => {
      remember('language', next)
      set(next)
    },
  }
}

/** `fill('to {name}', {name: 'us'})` is `to us`. */
export function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
