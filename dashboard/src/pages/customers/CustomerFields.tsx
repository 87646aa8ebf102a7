import type { Customer } from '@/api/objects'
import { Field } from '@/ui/Form'
import { useSpeech } from '@/words/language'

/** What a customer is called; the id can be chosen only once. */
export function CustomerFields({
  customer,
  isNew = false,
}: {
  customer?: Customer
  isNew?: boolean
}) {
  const { t } = useSpeech()
  return (
    <>
      <Field name="name" label={t('Name')} defaultValue={customer?.name ?? ''} autoFocus />
      <Field name="email" type="email" label={t('E-mail')} defaultValue={customer?.email ?? ''} />
      <Field
        name="description"
        label={t('Description')}
        defaultValue={customer?.description ?? ''}
      />
      {isNew && (
        <Field
          name="id"
          label={t('Id')}
          placeholder="cus_…"
          hint={t('Your own, if you like, so that usage can carry it. Otherwise one is made.')}
        />
      )}
    </>
  )
}
