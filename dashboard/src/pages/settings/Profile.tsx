import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useChange } from '@/api/queries'
import { useDesk } from '@/api/session'
import { Field, Form } from '@/ui/Form'
import { Section } from '@/ui/Page'
import { useSay } from '@/ui/Toasts'
import { useSpeech } from '@/words/language'

/** One's own name and password. */
export function Profile() {
  const { t } = useSpeech()
  const { session } = useDesk()
  const queries = useQueryClient()
  const say = useSay()
  const { member } = session
  const [times, setTimes] = useState(0)
  const save = useChange({
    run: (client, params: URLSearchParams) =>
      client.post('/v1/dashboard/members/{id}', { id: member.id }, params),
    done: () => {
      void queries.invalidateQueries({ queryKey: ['session'] })
      say(t('Saved.'))
    },
  })
  const isPassword = save.variables?.has('password') ?? false
  return (
    <div className="columns halves">
      <Section title={t('Name')}>
        <Form
          error={isPassword ? null : save.error}
          busy={save.isPending && !isPassword}
          submit={t('Save')}
          send={save.mutate}
        >
          <Field
            name="name"
            label={t('Name')}
            defaultValue={member.name ?? ''}
            autoComplete="name"
          />
        </Form>
      </Section>
      <Section title={t('Password')}>
        <Form
          key={times}
          error={isPassword ? save.error : null}
          busy={save.isPending && isPassword}
          submit={t('Change the password')}
          send={(params) => save.mutate(params, { onSuccess: () => setTimes(times + 1) })}
        >
          <input type="hidden" name="email" autoComplete="username" value={member.email} disabled />
          <Field
            name="current_password"
            type="password"
            label={t('Password until now')}
            autoComplete="current-password"
          />
          <Field
            name="password"
            type="password"
            label={t('New password')}
            hint={t('At least ten characters.')}
            autoComplete="new-password"
          />
        </Form>
      </Section>
    </div>
  )
}
