import { useLocation } from 'wouter'
import type { Mode } from '@/api/client'
import { useDesk, useSessionChange } from '@/api/session'
import { Icon } from '@/ui/Icon'
import { Menu } from '@/ui/Menu'
import { Segments } from '@/ui/Segments'
import { useSay } from '@/ui/Toasts'
import { useSpeech } from '@/words/language'
import { useTheme } from './theme'

/** The account, and the way to the others. */
export function AccountMenu() {
  const { t } = useSpeech()
  const { session, scope } = useDesk()
  const [, go] = useLocation()
  const current = session.accounts.find(({ id }) => id === scope.account)
  return (
    <Menu
      label={t('Account')}
      className="account"
      button={
        <>
          <span className="account-sign" aria-hidden="true">
            {current?.display_name.slice(0, 1).toUpperCase()}
          </span>
          <span className="account-name">{current?.display_name}</span>
          <Icon name="down" size={14} />
        </>
      }
      choices={[
        ...session.accounts.map(({ id, display_name }) => ({
          label: display_name,
          isChosen: id === scope.account,
          run: () => go(`~/dashboard/${id}/${scope.mode}`),
        })),
        {
          label: t('Manage accounts'),
          icon: 'settings' as const,
          run: () => go('/settings/accounts'),
        },
      ]}
    />
  )
}

/** Test and live: on the same kind of page of the other mode, as objects are of one mode only. */
export function ModeSwitch() {
  const { t } = useSpeech()
  const { scope } = useDesk()
  const [place, go] = useLocation()
  const list = place.split('/')[1] ?? ''
  return (
    <div className="mode">
      <Segments<Mode>
        label={t('Mode')}
        value={scope.mode}
        options={[
          ['test', t('Test')],
          ['live', t('Live')],
        ]}
        choose={(mode) => go(`~/dashboard/${scope.account}/${mode}/${list}`)}
      />
    </div>
  )
}

/** Whoever is signed in: language, theme, the way out. */
export function MemberMenu() {
  const { t, language, choose } = useSpeech()
  const { session, client } = useDesk()
  const [, go] = useLocation()
  const [theme, setTheme] = useTheme()
  const changeSession = useSessionChange()
  const say = useSay()
  const { member } = session
  const signOut = (): void => {
    client.delete('/v1/dashboard/session', {}).then(
      () => changeSession(null),
      (error: Error) => say.error(error),
    )
  }
  return (
    <Menu
      label={t('You and the page')}
      className="member"
      button={
        <>
          <span className="member-name">{member.name || member.email}</span>
          <span className="member-role">{member.role === 'admin' ? t('Admin') : t('Viewer')}</span>
        </>
      }
      choices={[
        { label: t('Your profile'), icon: 'customers', run: () => go('/settings/profile') },
        {
          label: t('As the system has it'),
          icon: 'screen',
          isChosen: theme === null,
          run: () => setTheme(null),
        },
        {
          label: t('Light'),
          icon: 'sun',
          isChosen: theme === 'light',
          run: () => setTheme('light'),
        },
        { label: t('Dark'), icon: 'moon', isChosen: theme === 'dark', run: () => setTheme('dark') },
        { label: 'English', isChosen: language === 'en', run: () => choose('en') },
        { label: 'Deutsch', isChosen: language === 'de', run: () => choose('de') },
        { label: t('Sign out'), icon: 'out', run: signOut },
      ]}
    />
  )
}
