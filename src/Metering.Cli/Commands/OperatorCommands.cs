namespace Metering.Cli.Commands;

/// <summary>What operators write into small topics, by command.</summary>
public static class OperatorCommands
{
    public static CommandGroup Policy() => new("policy", "Limits and budgets, and what is done on the way to them.",
        new PolicyApplyCommand(), new PolicyPlanCommand(), new PolicyListCommand(), new PolicyShowCommand(), new PolicyDeleteCommand());

    public static CommandGroup Key() => new("key", "API keys of the gateways.",
        new KeyCreateCommand(), new KeyListCommand(), new KeyBlockCommand(isBlocked: true), new KeyBlockCommand(isBlocked: false), new KeyRotateCommand());
}
