import { useMutation } from '@tanstack/react-query'
import { Client } from '@/api/client'
import { useSessionChange } from '@/api/session'
import { Field, Form } from '@/ui/Form'
import { useSpeech } from '@/words/language'
import { Door } from './Door'

export function SignIn() {
  const { t } = useSpeech()
  const changeSession = useSessionChange()
  const signIn = useMutation({
    mutationFn: (params: URLSearchParams) => new Client().post('/v1/dashboard/session', {}, params),
    onSuccess: changeSession,
  })
  return (
    <Door title={t('Sign in')}>
      <Form
        error={signIn.error}
        busy={signIn.isPending}
        submit={t('Sign in')}
        send={(params) => signIn.mutate(params)}
      >
        <Field
          name="email"
          type="email"
          label={t('E-mail')}
          autoComplete="username"
          required
          autoFocus
        />
        <Field
          name="password"
          type="password"
          label={t('Password')}
          autoComplete="current-password"
          required
        />
      </Form>
      <p className="note">
        {t('Nobody has a password yet? The engine prints a link to set it up when it starts.')}
      </p>
    </Door>
  )
}
