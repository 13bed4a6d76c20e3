def uninstall_hook(env):
    """Remove the activities of failed jobs: their type goes with the addon."""
    activity_type = env.ref('continuity_program.mail_activity_type_attention', raise_if_not_found=False)
    if activity_type:
        env['mail.activity'].with_context(active_test=False).search(
            [('activity_type_id', '=', activity_type.id)]
        ).unlink()
