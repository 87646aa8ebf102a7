import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { Client } from '@/api/client'
import { useSessionChange } from '@/api/session'
import { Field, Form } from '@/ui/Form'
import { Empty } from '@/ui/State'
import { useSpeech } from '@/words/language'
import { Door } from './Door'

/** The token of the very first member; others were invited, and their e-mail is known. */
const FIRST = 'set_up_'

/** Where the one-time link and invitations lead. The token is behind the #, which no server sees. */
export function SetUp() {
  const { t } = useSpeech()
  const [, go] = useLocation()
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token'))
  const changeSession = useSessionChange()
  const setUp = useMutation({
    mutationFn: (params: URLSearchParams) => {
      params.set('token', token ?? '')
      return new Client().post('/v1/dashboard/set_up', {}, params)
    },
    onSuccess: (session) => {
      changeSession(session)
      go('/', { replace: true })
    },
  })
  if (!token) {
    return (
      <Door title={t('Set up')}>
        <Empty title={t('This link is not whole.')}>
          <p>{t('Open it just as the engine printed it, or as you were given it.')}</p>
          <Link href="/">{t('Sign in')}</Link>
        </Empty>
      </Door>
    )
  }
  return (
    <Door title={t('Set up your sign-in')}>
      <Form
        error={setUp.error}
        busy={setUp.isPending}
        submit={t('Go on')}
        send={(params) => setUp.mutate(params)}
      >
        <Field name="name" label={t('Name')} autoComplete="name" autoFocus />
        {token.startsWith(FIRST) && (
          <Field name="email" type="email" label={t('E-mail')} autoComplete="username" required />
        )}
        <Field
          name="password"
          type="password"
          label={t('Password')}
          hint={t('At least ten characters.')}
          autoComplete="new-password"
          minLength={10}
          required
        />
      </Form>
    </Door>
  )
}
