using System.Text.RegularExpressions;
using Mono.Cecil;

namespace Metering.Cli.Tests.Tidy;

/// <summary>Style rules that .editorconfig tells editors (IDE1006, IDE0161). A build that enforced them itself would load a hundred
/// analyzers for these two, and take a sixth longer.</summary>
public sealed partial class NamesTests
{
    [Fact]
    public void Fields_are_named_by_their_kind()
    {
        var programs = Programs();
        Assert.InRange(programs.Count, 10, int.MaxValue);
        Assert.Empty(programs.SelectMany(WrongFields));
    }

    [Fact]
    public void Namespaces_are_of_whole_files()
    {
        var blocks = Checkout.Sources("src").Concat(Checkout.Sources("tests"))
            .Where(file => NamespaceBlock().IsMatch(Checkout.Text(file)));
        Assert.Empty(blocks);
    }

    [Theory]
    [InlineData("Right", true)]
    [InlineData("Wrong", false)]
    public void Rules_see_a_wrong_name_and_leave_a_right_one(string type, bool isRight)
    {
        var wrong = WrongFields(typeof(NamesTests).Assembly.Location, aboutExamples: true).Where(field => field.Contains(type + ".", StringComparison.Ordinal)).ToList();
        Assert.Equal(isRight ? 0 : 3, wrong.Count);
    }

    /// <summary>What has been built of each project: all of src, and of tests what was built with it.</summary>
    private static List<string> Programs() =>
        [.. from file in Checkout.Files
            where file.EndsWith(".csproj", StringComparison.Ordinal)
            let name = Path.GetFileNameWithoutExtension(file) is "Metering.Cli" ? "metering" : Path.GetFileNameWithoutExtension(file)
            let built = Path.Combine(Checkout.Root, Path.GetDirectoryName(file)!, "bin", "Release", "net10.0", name + ".dll")
            where File.Exists(built)
            select built];

    private static List<string> WrongFields(string program) => WrongFields(program, aboutExamples: false);

    private static List<string> WrongFields(string program, bool aboutExamples)
    {
        using var assembly = AssemblyDefinition.ReadAssembly(program);
        return [.. from type in assembly.MainModule.GetTypes()
                   where !IsGenerated(type) && (type.DeclaringType?.Name is nameof(Examples)) == aboutExamples
                   from field in type.Fields
                   where !IsRight(field)
                   select $"{assembly.Name.Name}: {type.Name}.{field.Name}"];
    }

    private static bool IsRight(FieldDefinition field)
    {
        var name = field.Name;
        // Those of the compiler and of generators bear names that nobody writes; _SCHEMA is where Apache.Avro looks for a record's schema.
        if (name is "_SCHEMA" || name.Contains('<', StringComparison.Ordinal) || name.StartsWith("__", StringComparison.Ordinal) || field.IsSpecialName)
            return true;
        if (field.IsLiteral || (field.IsStatic && field.IsInitOnly))
            return char.IsAsciiLetterUpper(name[0]);
        return !field.IsPrivate || (name.Length > 1 && name[0] == '_' && char.IsAsciiLetterLower(name[1]));
    }

    private static bool IsGenerated(TypeDefinition type) =>
        type.Name.Contains('<', StringComparison.Ordinal)
        || type.Namespace.StartsWith("System.", StringComparison.Ordinal)
        || type.CustomAttributes.Any(attribute => attribute.AttributeType.Name is "GeneratedCodeAttribute" or "CompilerGeneratedAttribute")
        || (type.DeclaringType is { } outer && IsGenerated(outer));

    [GeneratedRegex(@"^namespace [\w.]+\s*(\{|$)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex NamespaceBlock();

#pragma warning disable CS0169, CS0414, IDE0051, IDE0052, IDE1006 // looked at by their names only
    private static class Examples
    {
        private sealed class Right
        {
            private const int Constant = 1;
            private static readonly int Shared = 2;
            private int _own;
        }

        private sealed class Wrong
        {
            private const int _constant = 1;
            private static readonly int shared = 2;
            private int own;
        }
    }
#pragma warning restore CS0169, CS0414, IDE0051, IDE0052, IDE1006
}
