import { useState } from 'react'
import { useDesk } from '@/api/session'
import { DIALECTS, snippet, type Dialect, type Topic } from '@/lib/snippets'
import { remember, remembered } from '@/lib/storage'
import { Code } from '@/ui/Copy'
import { Segments } from '@/ui/Segments'
import { useSpeech } from '@/words/language'

/** The lines to copy that fill an empty page, in the language one writes in. */
export function Snippets({ topic }: { topic: Topic }) {
  const { t } = useSpeech()
  const { scope, session } = useDesk()
  const [dialect, setDialect] = useState<Dialect>(() => known(remembered('dialect')))
  const choose = (next: Dialect): void => {
    remember('dialect', next)
    setDialect(next)
  }
  const where = { origin: session.base_url ?? location.origin, key: `sk_${scope.mode}_…` }
  return (
    <div className="snippets">
      <Segments label={t('Language')} value={dialect} options={DIALECTS} choose={choose} />
      <Code label={t('Lines to copy')} text={snippet(topic, dialect, where)} />
    </div>
  )
}

function known(dialect: string | null): Dialect {
  return DIALECTS.find(([one]) => one === dialect)?.[0] ?? 'python'
}
